package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;

/** Filters of lists and mappings. */
final class ListFilters {
    private ListFilters() {}

    static void addTo(Map<String, JinjaFilters.Filter> filters) {
        for (String name : List.of("length", "count")) {
            JinjaFilters.add(filters, name, (value, a) -> PythonValues.length(value));
        }
        JinjaFilters.add(filters, "list", (value, a) -> {
            List<?> list = PythonValues.list(value);
            return list instanceof PythonTuple || list instanceof PythonRange ? new ArrayList<Object>(list) : list;
        });
        JinjaFilters.add(filters, "first", (value, a) -> {
            Iterator<?> elements = PythonValues.iterator(value);
            return elements.hasNext() ? elements.next() : new Undefined("the first element of nothing");
        });
        JinjaFilters.add(filters, "last", (value, a) -> last(value));
        JinjaFilters.add(filters, "reverse", (value, a) -> reverse(value));
        JinjaFilters.add(filters, "join", ListFilters::join, "d", "", "attribute", null);
        JinjaFilters.add(filters, "items", (value, a) -> items(value));
        JinjaFilters.add(
                filters, "dictsort", ListFilters::dictSort, "case_sensitive", false, "by", "key", "reverse", false);
        JinjaFilters.add(
                filters, "sort", ListFilters::sort, "reverse", false, "case_sensitive", false, "attribute", null);
        JinjaFilters.add(filters, "unique", ListFilters::unique, "case_sensitive", false, "attribute", null);
        JinjaFilters.add(
                filters, "max", (value, a) -> extreme(value, a, 1), "case_sensitive", false, "attribute", null);
        JinjaFilters.add(
                filters, "min", (value, a) -> extreme(value, a, -1), "case_sensitive", false, "attribute", null);
        JinjaFilters.add(filters, "sum", ListFilters::sum, "attribute", null, "start", 0L);
        JinjaFilters.add(filters, "batch", ListFilters::batch, "linecount", Arguments.REQUIRED, "fill_with", null);
        JinjaFilters.add(filters, "slice", ListFilters::slice, "slices", Arguments.REQUIRED, "fill_with", null);
        JinjaFilters.add(
                filters,
                "groupby",
                ListFilters::groupBy,
                "attribute",
                Arguments.REQUIRED,
                "default",
                null,
                "case_sensitive",
                false);
        filters.put("map", ListFilters::map);
        filters.put("select", (value, given) -> select(value, given, false, true));
        filters.put("reject", (value, given) -> select(value, given, false, false));
        filters.put("selectattr", (value, given) -> select(value, given, true, true));
        filters.put("rejectattr", (value, given) -> select(value, given, true, false));
    }

    private static Object last(Object value) {
        return switch (value) {
            case String text ->
                text.isEmpty() ? new Undefined("the last element of nothing") : Attributes.item(text, -1L);
            case List<?> list -> list.isEmpty() ? new Undefined("the last element of nothing") : list.getLast();
            case DictView view -> lastOf(PythonValues.list(view));
            case Map<?, ?> map -> lastOf(PythonValues.list(map));
            case Undefined u -> new Undefined("the last element of nothing");
            case null -> throw PythonValues.notIterable(null);
            default -> throw new TemplateException(PythonValues.kindOf(value) + " has no last element");
        };
    }

    private static Object lastOf(List<?> list) {
        return list.isEmpty() ? new Undefined("the last element of nothing") : list.getLast();
    }

    private static Object reverse(Object value) {
        if (value instanceof String text) {
            return PythonText.slice(text, new Slice(null, null, -1L));
        }
        return new PythonIterator(PythonValues.list(value).reversed().iterator());
    }

    private static Object join(Object value, Object[] a) {
        Iterator<?> elements = PythonValues.iterator(value);
        return PythonText.join(
                a[1] == null ? elements : mapped(elements, attribute(a[1], null)), PythonValues.text(a[0]));
    }

    private static Iterator<Object> mapped(Iterator<?> elements, Function<Object, Object> body) {
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return elements.hasNext();
            }

            @Override
            public Object next() {
                return body.apply(elements.next());
            }
        };
    }

    private static Object items(Object value) {
        if (value instanceof Undefined) {
            return new PythonIterator(List.of().iterator());
        }
        if (value instanceof Map<?, ?> map) {
            return new PythonIterator(DictView.items(map).iterator());
        }
        throw new TemplateException("'items' wants a mapping, found " + PythonValues.kindOf(value));
    }

    /** "a.b.0" goes down step by step; what is missing is the default, where there is one. */
    private static Function<Object, Object> attribute(Object path, Object otherwise) {
        List<Object> keys = new ArrayList<>();
        if (path instanceof String text) {
            for (Object element : PythonText.split(text, ".", -1)) {
                String part = (String) element;
                keys.add(part.matches("\\d{1,9}") ? (Object) Long.valueOf(part) : part);
            }
        } else if (path != null) {
            keys.add(path);
        }
        return value -> {
            Object found = value;
            for (Object key : keys) {
                RenderLimits.tick();
                found = Attributes.item(found, key);
                if (found instanceof Undefined && otherwise != null) {
                    found = otherwise;
                }
            }
            return found;
        };
    }

    private static Function<Object, Object> key(Object attribute, Object caseSensitive) {
        Function<Object, Object> value = attribute == null ? v -> v : attribute(attribute, null);
        return PythonValues.truth(caseSensitive) ? value : value.andThen(ListFilters::withoutCase);
    }

    private static Object withoutCase(Object value) {
        return value instanceof String text ? PythonCase.lower(text) : value;
    }

    private record Keyed(Object key, Object value) {}

    private static List<Keyed> keyed(Object value, Function<Object, Object> key) {
        List<Keyed> all = new ArrayList<>();
        for (Iterator<?> elements = PythonValues.iterator(value); elements.hasNext(); ) {
            RenderLimits.item(all.size());
            Object element = elements.next();
            all.add(new Keyed(key.apply(element), element));
        }
        return all;
    }

    private static List<Object> sorted(List<Keyed> all, boolean reverse) {
        Comparator<Keyed> order = (a, b) -> PythonValues.compare(a.key(), b.key());
        all.sort(reverse ? order.reversed() : order);
        List<Object> values = new ArrayList<>(all.size());
        all.forEach(keyed -> values.add(keyed.value()));
        return values;
    }

    private static Object sort(Object value, Object[] a) {
        Function<Object, Object> key;
        if (a[2] instanceof String path && path.indexOf(',') >= 0) {
            List<Function<Object, Object>> keys = new ArrayList<>();
            for (Object one : PythonText.split(path, ",", -1)) {
                keys.add(key(((String) one).strip(), a[1]));
            }
            key = element -> keys.stream().map(part -> part.apply(element)).toList();
        } else {
            key = key(a[2], a[1]);
        }
        return sorted(keyed(value, key), isReversed(a[0]));
    }

    private static boolean isReversed(Object reverse) {
        if (!PythonNumbers.isInteger(reverse)) {
            throw new TemplateException("'reverse' is true or false, found " + PythonValues.kindOf(reverse));
        }
        return PythonValues.truth(reverse);
    }

    private static Object dictSort(Object value, Object[] a) {
        if (!(value instanceof Map<?, ?> map)) {
            throw value instanceof Undefined undefined
                    ? undefined.misuse("sorting")
                    : new TemplateException("'dictsort' wants a mapping, found " + PythonValues.kindOf(value));
        }
        boolean byKey = "key".equals(a[1]);
        if (!byKey && !"value".equals(a[1])) {
            throw new TemplateException("'dictsort' sorts by key or value");
        }
        Function<Object, Object> key = key(byKey ? 0L : 1L, a[0]);
        return sorted(keyed(DictView.items(map), key), isReversed(a[2]));
    }

    private static Object unique(Object value, Object[] a) {
        Map<Object, Object> seen = new LinkedHashMap<>();
        List<Object> kept = new ArrayList<>();
        for (Keyed keyed : keyed(value, key(a[1], a[0]))) {
            if (!PythonMaps.has(seen, keyed.key())) {
                PythonMaps.put(seen, keyed.key(), true);
                kept.add(keyed.value());
            }
        }
        return new PythonIterator(kept.iterator());
    }

    private static Object extreme(Object value, Object[] a, int sign) {
        Keyed best = null;
        for (Keyed candidate : keyed(value, key(a[1], a[0]))) {
            if (best == null || sign * PythonValues.compare(candidate.key(), best.key()) > 0) {
                best = candidate;
            }
        }
        return best == null ? new Undefined("the largest or smallest element of nothing") : best.value();
    }

    private static Object sum(Object value, Object[] a) {
        Object total = a[1];
        Iterator<?> elements = PythonValues.iterator(value);
        Iterator<?> terms = a[0] == null ? elements : mapped(elements, attribute(a[0], null));
        while (terms.hasNext()) {
            RenderLimits.step();
            Object term = terms.next();
            if (term instanceof String || total instanceof String) {
                throw new TemplateException("'sum' adds numbers, found text");
            }
            total = Operators.add(total, term);
        }
        return total;
    }

    private static Object batch(Object value, Object[] a) {
        int size = PythonNumbers.isInteger(a[0]) ? PythonNumbers.clamped(a[0]) : -1; // anything else is no length
        List<Object> batches = new ArrayList<>();
        List<Object> batch = new ArrayList<>();
        for (Iterator<?> elements = PythonValues.iterator(value); elements.hasNext(); ) {
            if (batch.size() == size) {
                RenderLimits.item(batches.size());
                batches.add(batch);
                batch = new ArrayList<>();
            }
            RenderLimits.item(batch.size());
            batch.add(elements.next());
        }
        if (!batch.isEmpty()) {
            if (a[1] != null && batch.size() < size) {
                RenderLimits.list(size);
                batch.addAll(java.util.Collections.nCopies(size - batch.size(), a[1]));
            }
            batches.add(batch);
        }
        return new PythonIterator(batches.iterator());
    }

    private static Object slice(Object value, Object[] a) {
        List<?> list = PythonValues.list(value);
        int slices = TextMethods.integer(a[0]);
        if (slices == 0) {
            throw new TemplateException("'slice' cuts into 0 parts");
        }
        int length = list.size() / slices;
        int longer = list.size() % slices;
        List<Object> parts = new ArrayList<>();
        for (int i = 0; i < slices; i++) {
            RenderLimits.item(i);
            int start = i * length + Math.min(i, longer);
            List<Object> part = new ArrayList<>(list.subList(start, start + length + (i < longer ? 1 : 0)));
            RenderLimits.list(part.size());
            if (a[1] != null && i >= longer) {
                part.add(a[1]);
            }
            parts.add(part);
        }
        return new PythonIterator(parts.iterator());
    }

    private static Object groupBy(Object value, Object[] a) {
        Function<Object, Object> shown = attribute(a[0], a[1]);
        Function<Object, Object> key = PythonValues.truth(a[2]) ? shown : shown.andThen(ListFilters::withoutCase);
        List<Keyed> all = keyed(value, key);
        all.sort((x, y) -> PythonValues.compare(x.key(), y.key()));
        List<Object> groups = new ArrayList<>();
        int start = 0;
        for (int i = 1; i <= all.size(); i++) {
            if (i == all.size()
                    || !PythonValues.equal(all.get(i).key(), all.get(start).key())) {
                List<Object> members = new ArrayList<>();
                all.subList(start, i).forEach(keyed -> members.add(keyed.value()));
                groups.add(new GroupTuple(shown.apply(members.getFirst()), members));
                start = i;
            }
        }
        return groups;
    }

    private static Object map(Object value, Arguments given) {
        if (!PythonValues.truth(value)) {
            return new PythonIterator(List.of().iterator()); // even of what is no list
        }
        Function<Object, Object> body;
        if (given.positional().isEmpty() && given.named().containsKey("attribute")) {
            Object[] a = given.bind("the filter 'map'", "attribute", null, "default", null);
            body = attribute(a[0], a[1]);
        } else if (given.positional().isEmpty()) {
            throw new TemplateException("'map' wants the name of a filter, or an attribute");
        } else {
            JinjaFilters.Filter filter =
                    JinjaFilters.named(PythonValues.text(given.positional().getFirst()));
            Arguments rest = given.after(1);
            body = element -> filter.apply(element, rest);
        }
        return new PythonIterator(mapped(PythonValues.iterator(value), body));
    }

    /** What follows the attribute, if there is one, names a test and its arguments. */
    private static Object select(Object value, Arguments given, boolean byAttribute, boolean wanted) {
        if (byAttribute && given.positional().isEmpty()) {
            throw new TemplateException("'selectattr' and 'rejectattr' want the name of an attribute");
        }
        if (!PythonValues.truth(value)) {
            return new PythonIterator(List.of().iterator());
        }
        Function<Object, Object> projection =
                byAttribute ? attribute(given.positional().getFirst(), null) : element -> element;
        Arguments rest = given.after(byAttribute ? 1 : 0);
        Predicate<Object> test;
        if (rest.positional().isEmpty()) {
            test = PythonValues::truth;
        } else {
            JinjaTests.Test named =
                    JinjaTests.named(PythonValues.text(rest.positional().getFirst()));
            Arguments arguments = rest.after(1);
            test = element -> named.test(element, arguments);
        }
        Iterator<?> elements = PythonValues.iterator(value);
        return new PythonIterator(new Iterator<Object>() {
            private Object next;
            private boolean found;

            @Override
            public boolean hasNext() {
                while (!found && elements.hasNext()) {
                    RenderLimits.step();
                    next = elements.next();
                    found = test.test(projection.apply(next)) == wanted;
                }
                return found;
            }

            @Override
            public Object next() {
                if (!hasNext()) {
                    throw new java.util.NoSuchElementException();
                }
                found = false;
                return next;
            }
        });
    }
}

package io.mmpo.data.template;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.filter.AdvancedFilter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Predicate;

/** Jinja2's filters, with its results; these and no others can be used. */
final class JinjaFilters {
    private JinjaFilters() {}

    /** What a filter is called with: the value before the bar, and its arguments. */
    private record Call(Object value, JinjavaInterpreter interpreter, Object[] positional, Map<String, Object> named) {
        Object argument(int index, String name, Object otherwise) {
            Object argument = index < positional.length ? positional[index] : named.get(name);
            return argument == null ? otherwise : argument;
        }

        String text() {
            return PythonValues.text(value);
        }

        List<?> list() {
            return PythonValues.list(value);
        }

        int integer(int index, String name, int otherwise) {
            return argument(index, name, otherwise) instanceof Number n ? n.intValue() : otherwise;
        }

        boolean flag(int index, String name) {
            return PythonValues.truth(argument(index, name, false));
        }
    }

    private interface Body {
        Object apply(Call call);
    }

    private record NamedFilter(String name, Body body) implements AdvancedFilter {
        @Override
        public String getName() {
            return name;
        }

        @Override
        public Object filter(
                Object value, JinjavaInterpreter interpreter, Object[] arguments, Map<String, Object> named) {
            return body.apply(new Call(value, interpreter, arguments, named));
        }
    }

    static List<Filter> all() {
        List<Filter> filters = new ArrayList<>();
        addTextFilters(filters);
        addListFilters(filters);
        addSelections(filters);
        return filters;
    }

    private static void addTextFilters(List<Filter> filters) {
        add(filters, "trim", call -> PythonMethods.strip(call.text(), PythonMethods::isSpace, true, true));
        add(filters, "string", Call::text);
        add(filters, "safe", Call::value);
        add(filters, "upper", call -> call.text().toUpperCase(Locale.ROOT));
        add(filters, "lower", call -> call.text().toLowerCase(Locale.ROOT));
        add(filters, "capitalize", call -> PythonMethods.capitalize(call.text()));
        add(filters, "title", call -> PythonMethods.title(call.text()));
        add(
                filters,
                "replace",
                call -> PythonMethods.replace(
                        call.text(),
                        PythonValues.text(call.argument(0, "old", "")),
                        PythonValues.text(call.argument(1, "new", "")),
                        call.integer(2, "count", -1)));
        add(filters, "indent", JinjaFilters::indent);
        add(
                filters,
                "tojson",
                call -> PythonJson.dumps(
                        call.value(),
                        call.flag(0, "ensure_ascii"),
                        call.integer(1, "indent", -1),
                        (List<?>) call.argument(2, "separators", null),
                        call.flag(3, "sort_keys")));
        add(filters, "int", call -> integer(call.value()));
        add(
                filters,
                "float",
                call -> call.value() instanceof Number n
                        ? n.doubleValue()
                        : Double.parseDouble(call.text().strip()));
        add(
                filters,
                "abs",
                call -> call.value() instanceof Long n
                        ? (Object) Math.abs(n)
                        : Math.abs(((Number) call.value()).doubleValue()));
        for (String name : List.of("default", "d")) {
            add(filters, name, call -> {
                boolean missing = call.flag(1, "boolean")
                        ? !PythonValues.truth(call.value())
                        : call.value() == PythonValues.UNDEFINED;
                return missing ? call.argument(0, "default_value", "") : call.value();
            });
        }
    }

    private static void addListFilters(List<Filter> filters) {
        for (String name : List.of("length", "count")) {
            add(filters, name, call -> length(call.value()));
        }
        add(filters, "list", call -> copy(call.list()));
        add(filters, "first", call -> PythonValues.item(call.list(), 0));
        add(filters, "last", call -> PythonValues.item(call.list(), -1));
        for (String name : List.of("reverse", JinjaCode.REVERSED)) {
            add(filters, name, call -> reversed(call.value()));
        }
        add(filters, "join", call -> join(call));
        add(filters, "items", call -> PythonMethods.items(mapping(call)));
        add(
                filters,
                "dictsort",
                call -> PythonMethods.items(mapping(call)).stream()
                        .sorted(Comparator.comparing(
                                item -> PythonValues.text(item.getFirst()).toLowerCase(Locale.ROOT)))
                        .toList());
        add(filters, "unique", call -> copy(new ArrayList<>(new LinkedHashSet<>(call.list()))));
        add(filters, "sort", JinjaFilters::sort);
        add(filters, "sum", JinjaFilters::sum);
        add(
                filters,
                "max",
                call -> copy(call.list()).stream()
                        .max(JinjaFilters::compareIgnoringCase)
                        .orElse(PythonValues.UNDEFINED));
        add(
                filters,
                "min",
                call -> copy(call.list()).stream()
                        .min(JinjaFilters::compareIgnoringCase)
                        .orElse(PythonValues.UNDEFINED));
        add(filters, "map", JinjaFilters::map);
    }

    private static void addSelections(List<Filter> filters) {
        add(filters, "select", call -> select(call, value -> value, 0, true));
        add(filters, "reject", call -> select(call, value -> value, 0, false));
        add(filters, "selectattr", call -> select(call, attribute(call), 1, true));
        add(filters, "rejectattr", call -> select(call, attribute(call), 1, false));
    }

    private static void add(List<Filter> filters, String name, Body body) {
        filters.add(new NamedFilter(name, body));
    }

    private static Map<?, ?> mapping(Call call) {
        if (call.value() instanceof Map<?, ?> map) {
            return map;
        }
        if (call.value() == PythonValues.UNDEFINED) {
            return Map.of();
        }
        throw new TemplateException("a filter wants a mapping, found something else");
    }

    private static Object length(Object value) {
        return value instanceof CharSequence text
                ? (long) text.toString().codePointCount(0, text.length())
                : (long) PythonValues.list(value).size();
    }

    private static Object reversed(Object value) {
        return value instanceof CharSequence text
                ? new StringBuilder(text).reverse().toString()
                : PythonValues.list(value).reversed();
    }

    private static String join(Call call) {
        String attribute = (String) call.argument(1, "attribute", null);
        List<?> parts = attribute == null
                ? call.list()
                : call.list().stream()
                        .map(part -> PythonValues.item(part, attribute))
                        .toList();
        return PythonMethods.join(parts, PythonValues.text(call.argument(0, "d", "")));
    }

    /** Every line but the first (unless {@code first}) is moved right; blank lines only if {@code blank}. */
    private static String indent(Call call) {
        Object width = call.argument(0, "width", 4L);
        String prefix =
                width instanceof Number n ? " ".repeat(Math.clamp(n.longValue(), 0, 1000)) : PythonValues.text(width);
        boolean first = call.flag(1, "first");
        boolean blank = call.flag(2, "blank");
        List<String> lines = List.of(call.text().split("\n", -1));
        PythonValues.requireTextLength(call.text().length() + (long) lines.size() * prefix.length());
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i);
            out.append(i > 0 ? "\n" : "");
            out.append((i > 0 || first) && (blank || !line.isEmpty()) ? prefix : "")
                    .append(line);
        }
        return out.toString();
    }

    private static Object integer(Object value) {
        if (value instanceof Number n) {
            return n.longValue();
        }
        try {
            return (long) Double.parseDouble(PythonValues.text(value).strip());
        } catch (NumberFormatException e) {
            return 0L;
        }
    }

    private static Object sum(Call call) {
        Object total = 0L;
        for (Object element : call.list()) {
            total = JinjaExpressions.add(total, element);
        }
        return total;
    }

    private static Object sort(Call call) {
        List<Object> sorted = new ArrayList<>(call.list());
        String attribute = (String) call.argument(2, "attribute", null);
        Comparator<Object> order = attribute == null
                ? JinjaFilters::compareIgnoringCase
                : (a, b) -> compareIgnoringCase(PythonValues.item(a, attribute), PythonValues.item(b, attribute));
        sorted.sort(call.flag(0, "reverse") ? order.reversed() : order);
        return Collections.unmodifiableList(sorted);
    }

    /** Case is ignored, as in Jinja2. */
    private static int compareIgnoringCase(Object left, Object right) {
        boolean texts = left instanceof CharSequence && right instanceof CharSequence;
        return texts
                ? PythonValues.text(left).compareToIgnoreCase(PythonValues.text(right))
                : PythonValues.compare(left, right);
    }

    private static Object map(Call call) {
        Object attribute = call.named().get("attribute");
        if (attribute != null) {
            return copy(call.list().stream()
                    .map(value -> PythonValues.item(value, attribute))
                    .toList());
        }
        String name = PythonValues.text(call.argument(0, "filter", ""));
        Filter filter = call.interpreter().getContext().getFilter(name);
        if (filter == null) {
            throw new TemplateException("there is no filter '" + name + "'");
        }
        Object[] rest = Arrays.copyOfRange(call.positional(), 1, call.positional().length);
        return call.list().stream()
                .map(value -> filter.filter(value, call.interpreter(), rest, call.named()))
                .toList();
    }

    private interface Projection {
        Object of(Object value);
    }

    private static Projection attribute(Call call) {
        Object name = call.argument(0, "attribute", null);
        return value -> PythonValues.item(value, name);
    }

    /** The argument after the attribute, if any, names a test. */
    private static Object select(Call call, Projection projection, int testIndex, boolean wanted) {
        Predicate<Object> test = PythonValues::truth;
        if (testIndex < call.positional().length) {
            String name = PythonValues.text(call.positional()[testIndex]);
            ExpTest named = call.interpreter().getContext().getExpTest(name);
            if (named == null) {
                throw new TemplateException("there is no test '" + name + "'");
            }
            Object[] rest = Arrays.copyOfRange(call.positional(), testIndex + 1, call.positional().length);
            test = value -> named.evaluate(value, call.interpreter(), rest);
        }
        List<Object> selected = new ArrayList<>();
        for (Object value : call.list()) {
            if (test.test(projection.of(value)) == wanted) {
                selected.add(value);
            }
        }
        return selected;
    }

    /** List.copyOf refuses null elements, which are legal in a template. */
    private static List<Object> copy(List<?> list) {
        return Collections.unmodifiableList(new ArrayList<>(list));
    }
}

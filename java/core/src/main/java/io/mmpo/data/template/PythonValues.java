package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Values of a template as Python sees them: null is None; beside it there are {@link Undefined}, Boolean, Long, BigInteger, Double,
 * String, List, {@link PythonTuple}, Map, and what templates make of them (views, ranges, iterators, macros, methods). Nothing else
 * of Java can be reached from a template.
 */
final class PythonValues {
    static final Undefined UNDEFINED = new Undefined("it");

    private PythonValues() {}

    static boolean truth(Object value) {
        return switch (value) {
            case null -> false;
            case Boolean b -> b;
            case Double d -> d != 0;
            case Number n -> PythonNumbers.big(n).signum() != 0;
            case String s -> !s.isEmpty();
            case Collection<?> c -> !c.isEmpty();
            case Map<?, ?> m -> !m.isEmpty();
            case Undefined u -> false;
            default -> true;
        };
    }

    /** {@code str(value)}. */
    static String text(Object value) {
        return switch (value) {
            case null -> "None";
            case String s -> s;
            case Boolean b -> b ? "True" : "False";
            case Number n -> PythonNumbers.text(n);
            case Undefined u -> {
                if (u.strict()) {
                    throw u.misuse("printing");
                }
                yield "";
            }
            default -> PythonRepr.of(value);
        };
    }

    static boolean equal(Object left, Object right) {
        return equal(left, right, 0);
    }

    private static boolean equal(Object left, Object right, int depth) {
        RenderLimits.depth(depth);
        RenderLimits.tick();
        if (PythonNumbers.isNumber(left) && PythonNumbers.isNumber(right)) {
            return PythonNumbers.equal(left, right);
        }
        if (left instanceof Undefined && right instanceof Undefined) {
            return true;
        }
        if (left instanceof List<?> a && right instanceof List<?> b) {
            if (left == right) {
                return true;
            }
            if (kind(left) != kind(right) || a.size() != b.size()) {
                return false;
            }
            Iterator<?> others = b.iterator();
            for (Object element : a) {
                if (!equal(element, others.next(), depth + 1)) {
                    return false;
                }
            }
            return true;
        }
        if (left instanceof Map<?, ?> a && right instanceof Map<?, ?> b) {
            if (left == right) {
                return true;
            }
            if (a.size() != b.size()) {
                return false;
            }
            for (Map.Entry<?, ?> entry : a.entrySet()) {
                Object other = PythonMaps.get(b, entry.getKey());
                if (other == PythonMaps.MISSING || !equal(entry.getValue(), other, depth + 1)) {
                    return false;
                }
            }
            return true;
        }
        return left instanceof String a ? a.equals(right) : Objects.equals(left, right);
    }

    /** A list, a tuple and a range are never equal. */
    private static int kind(Object list) {
        return list instanceof PythonTuple ? 1 : list instanceof PythonRange ? 2 : 0;
    }

    /** The order of two numbers, texts, lists or tuples. */
    static int compare(Object left, Object right) {
        return compare(left, right, 0);
    }

    private static int compare(Object left, Object right, int depth) {
        RenderLimits.depth(depth);
        RenderLimits.tick();
        if (PythonNumbers.isNumber(left) && PythonNumbers.isNumber(right)) {
            return PythonNumbers.compare(left, right);
        }
        if (left instanceof String a && right instanceof String b) {
            RenderLimits.checkLong(Math.min(a.length(), b.length()));
            return PythonText.compare(a, b);
        }
        boolean lists = left instanceof List<?>
                && right instanceof List<?>
                && kind(left) == kind(right)
                && !(left instanceof PythonRange);
        if (!lists) {
            throw new TemplateException(
                    "the order of " + kindOf(left) + " and " + kindOf(right) + " is asked for, and they have none");
        }
        List<?> a = (List<?>) left;
        List<?> b = (List<?>) right;
        for (int i = 0; i < Math.min(a.size(), b.size()); i++) {
            if (!equal(a.get(i), b.get(i), depth + 1)) {
                return compare(a.get(i), b.get(i), depth + 1);
            }
        }
        return Integer.compare(a.size(), b.size());
    }

    /** {@code element in container}. */
    static boolean contains(Object container, Object element) {
        return switch (container) {
            case String text -> {
                if (!(element instanceof String part)) {
                    throw new TemplateException("'in' looks for " + kindOf(element) + " inside text");
                }
                yield PythonText.indexOf(text, part, 0) >= 0;
            }
            case PythonRange range -> range.has(element);
            case Map<?, ?> map -> PythonMaps.has(map, element);
            case null -> throw notIterable(null);
            default -> {
                Iterator<?> elements = iterator(container);
                while (elements.hasNext()) {
                    if (equal(elements.next(), element)) {
                        yield true;
                    }
                }
                yield false;
            }
        };
    }

    static TemplateException notIterable(Object value) {
        return new TemplateException(kindOf(value) + " is used as a list");
    }

    /** {@code iter(value)}. */
    static Iterator<?> iterator(Object value) {
        return switch (value) {
            case Collection<?> collection -> collection.iterator();
            case Map<?, ?> map -> map.keySet().iterator();
            case String text -> PythonText.characters(text);
            case PythonIterator iterator -> iterator;
            case Undefined u -> List.of().iterator();
            case null -> throw notIterable(null);
            default -> throw notIterable(value);
        };
    }

    /** {@code list(value)}: never changed by anybody, so it may be the value itself. */
    static List<?> list(Object value) {
        if (value instanceof List<?> list) {
            return list;
        }
        if (value instanceof Collection<?> collection) {
            RenderLimits.list(collection.size());
            return new ArrayList<>(collection);
        }
        List<Object> list = new ArrayList<>();
        for (Iterator<?> elements = iterator(value); elements.hasNext(); ) {
            RenderLimits.item(list.size());
            list.add(elements.next());
        }
        return list;
    }

    /** {@code len(value)}. */
    static long length(Object value) {
        return switch (value) {
            case String text -> text.codePointCount(0, text.length());
            case Collection<?> collection -> collection.size();
            case Map<?, ?> map -> map.size();
            case Undefined u -> 0;
            case null -> throw new TemplateException("none has no length");
            default -> throw new TemplateException(kindOf(value) + " has no length");
        };
    }

    static String kindOf(Object value) {
        return switch (value) {
            case null -> "none";
            case String s -> "text";
            case Boolean b -> "a truth value";
            case Number n -> "a number";
            case PythonTuple t -> "a tuple";
            case PythonRange r -> "a range";
            case List<?> l -> "a list";
            case Map<?, ?> m -> "a mapping";
            case Undefined u -> u.described();
            case DictView v -> "a view of a mapping";
            case PythonIterator i -> "an iterator, which can only be gone through once,";
            case Callable c -> "something to call";
            default -> "something of another kind";
        };
    }
}

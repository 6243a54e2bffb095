package io.mmpo.data.template;

import java.math.BigDecimal;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Values of a template as Python sees them: null is None, beside it there are {@link #UNDEFINED}, Boolean, Number, String, List
 * and Map. Nothing else of Java can be reached from a template.
 */
final class PythonValues {
    /** What a name or attribute that does not exist stands for: false, empty, printed as nothing. */
    enum Undefined {
        UNDEFINED;

        @Override
        public String toString() {
            return "";
        }
    }

    static final Undefined UNDEFINED = Undefined.UNDEFINED;

    /** Characters of text that one operation may make, and so that a whole rendering may print. */
    static final int MAX_TEXT = 32 << 20;

    static final long MAX_COMPARISONS = 20_000_000_000L;

    private PythonValues() {}

    static boolean truth(Object value) {
        return switch (value) {
            case null -> false;
            case Boolean b -> b;
            case Number n -> n.doubleValue() != 0;
            case CharSequence s -> !s.isEmpty();
            case Collection<?> c -> !c.isEmpty();
            case Map<?, ?> m -> !m.isEmpty();
            default -> value != UNDEFINED;
        };
    }

    /** {@code str(value)}. */
    static String text(Object value) {
        return switch (value) {
            case null -> "None";
            case Boolean b -> b ? "True" : "False";
            case CharSequence s -> s.toString();
            case Number n -> number(n);
            default -> value == UNDEFINED ? "" : PythonJson.repr(value);
        };
    }

    /** {@code repr} of a number: floats have exponents from 1e16 on and below 1e-4, written as 1e+16 and 1e-05. */
    static String number(Number number) {
        if (!(number instanceof Double d) || d == 0 || d.isInfinite() || d.isNaN()) {
            return number.toString();
        }
        BigDecimal decimal = new BigDecimal(d.toString()).stripTrailingZeros();
        int exponent = decimal.precision() - decimal.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            String plain = decimal.toPlainString();
            return plain.indexOf('.') < 0 ? plain + ".0" : plain;
        }
        String digits = decimal.unscaledValue().abs().toString();
        String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
        return (d < 0 ? "-" : "")
                + digits.charAt(0)
                + fraction
                + String.format("e%s%02d", exponent < 0 ? "-" : "+", Math.abs(exponent));
    }

    static boolean equal(Object left, Object right) {
        if (left instanceof Number a && right instanceof Number b) {
            return a.doubleValue() == b.doubleValue();
        }
        if (left instanceof Number n && right instanceof Boolean b) {
            return n.doubleValue() == (b ? 1 : 0);
        }
        if (left instanceof Boolean && right instanceof Number) {
            return equal(right, left);
        }
        if (left instanceof List<?> a && right instanceof List<?> b) {
            Iterator<?> others = b.iterator();
            return a.size() == b.size() && a.stream().allMatch(element -> equal(element, others.next()));
        }
        return Objects.equals(left, right);
    }

    /** The order of two numbers or two texts. */
    static int compare(Object left, Object right) {
        if (left instanceof Number a && right instanceof Number b) {
            return Double.compare(a.doubleValue(), b.doubleValue());
        }
        if (left instanceof CharSequence a && right instanceof CharSequence b) {
            return a.toString().compareTo(b.toString());
        }
        throw new TemplateException("values that are neither two numbers nor two texts have no order");
    }

    /** {@code element in container}. */
    static boolean contains(Object container, Object element) {
        if (container == UNDEFINED) {
            return false;
        }
        return switch (container) {
            case CharSequence text -> {
                if (!(element instanceof CharSequence part)) {
                    throw new TemplateException("'in' looks for something that is no text inside text");
                }
                requireSearchable(text.length(), part.length());
                yield text.toString().contains(part);
            }
            case Collection<?> c -> c.stream().anyMatch(candidate -> equal(candidate, element));
            case Map<?, ?> m -> m.containsKey(element);
            case null -> throw noContainer();
            default -> throw noContainer();
        };
    }

    private static TemplateException noContainer() {
        return new TemplateException("'in' looks into something that is no text, list or mapping");
    }

    /** {@code base[key]} and {@code base.key}. */
    static Object item(Object base, Object key) {
        if (base == UNDEFINED) {
            throw new TemplateException("'" + key + "' is looked up in something undefined");
        }
        return switch (base) {
            case Map<?, ?> map -> map.containsKey(key) ? map.get(key) : UNDEFINED;
            case List<?> list -> {
                int index = index(key, list.size());
                yield index < 0 ? UNDEFINED : list.get(index);
            }
            case CharSequence text -> {
                int index = index(key, text.length());
                yield index < 0 ? UNDEFINED : String.valueOf(text.charAt(index));
            }
            case ItemLoop loop -> loopAttribute(loop, String.valueOf(key));
            case null -> UNDEFINED;
            default -> UNDEFINED;
        };
    }

    /** Negative indices count from the end; -1 stands for no index. The engine hands integers over as text. */
    private static int index(Object key, int size) {
        long index;
        try {
            index = Long.parseLong(String.valueOf(key));
        } catch (NumberFormatException e) {
            return -1;
        }
        long fromStart = index < 0 ? index + size : index;
        return fromStart < 0 || fromStart >= size ? -1 : (int) fromStart;
    }

    private static Object loopAttribute(ItemLoop loop, String name) {
        return switch (name) {
            case "index" -> (long) loop.getIndex();
            case "index0" -> (long) loop.getIndex0();
            case "first" -> loop.getIndex0() == 0;
            case "last" -> loop.isLast();
            case "length" -> (long) loop.getLength();
            case "revindex" -> (long) loop.getLength() - loop.getIndex0();
            case "revindex0" -> (long) loop.getLength() - loop.getIndex();
            case "previtem", "nextitem" -> loop.neighbour(name.equals("nextitem") ? 1 : -1);
            default -> UNDEFINED;
        };
    }

    /** Guards an operation whose cost can be the product of two lengths. */
    static void requireSearchable(long textLength, long partLength) {
        if (textLength * partLength > MAX_COMPARISONS) {
            throw new TemplateException(
                    "a search of " + partLength + " characters in " + textLength + " would take too long");
        }
    }

    static void requireTextLength(long length) {
        if (length > MAX_TEXT) {
            throw new TemplateException("text of " + length + " characters is over the limit of " + MAX_TEXT);
        }
    }

    static List<?> list(Object value) {
        if (value == UNDEFINED) {
            return List.of();
        }
        return switch (value) {
            case List<?> list -> list;
            case Map<?, ?> map -> List.copyOf(map.keySet());
            case Collection<?> collection -> List.copyOf(collection);
            case CharSequence text ->
                text.toString().codePoints().mapToObj(Character::toString).toList();
            case null -> throw new TemplateException("none is used as a list");
            default -> throw new TemplateException("something that is no list, mapping or text is used as a list");
        };
    }
}

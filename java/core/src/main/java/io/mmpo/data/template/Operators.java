package io.mmpo.data.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** Python's operators over a template's values. */
final class Operators {
    private Operators() {}

    /** Comparisons; NaN compares as false. */
    enum Order {
        LESS(List.of("lt", "lessthan", "<")),
        LESS_OR_EQUAL(List.of("le", "<=")),
        GREATER(List.of("gt", "greaterthan", ">")),
        GREATER_OR_EQUAL(List.of("ge", ">="));

        private final List<String> names;

        Order(List<String> names) {
            this.names = names;
        }

        List<String> names() {
            return names;
        }

        boolean holds(Object left, Object right) {
            requireDefined("comparing", left, right);
            boolean numbers = PythonNumbers.isNumber(left) && PythonNumbers.isNumber(right);
            if (numbers && (PythonNumbers.isNan(left) || PythonNumbers.isNan(right))) {
                return false;
            }
            int order = PythonValues.compare(left, right);
            return switch (this) {
                case LESS -> order < 0;
                case LESS_OR_EQUAL -> order <= 0;
                case GREATER -> order > 0;
                case GREATER_OR_EQUAL -> order >= 0;
            };
        }
    }

    private static void requireDefined(String what, Object left, Object right) {
        if (left instanceof Undefined undefined) {
            throw undefined.misuse(what);
        }
        if (right instanceof Undefined undefined) {
            throw undefined.misuse(what);
        }
    }

    /** {@code left operator right} of the operators that always look at both. */
    static Object apply(String operator, Object left, Object right) {
        return switch (operator) {
            case "==" -> PythonValues.equal(left, right);
            case "!=" -> !PythonValues.equal(left, right);
            case "<" -> Order.LESS.holds(left, right);
            case "<=" -> Order.LESS_OR_EQUAL.holds(left, right);
            case ">" -> Order.GREATER.holds(left, right);
            case ">=" -> Order.GREATER_OR_EQUAL.holds(left, right);
            case "in" -> PythonValues.contains(right, left);
            case "not in" -> !PythonValues.contains(right, left);
            case "~" -> PythonText.concat(PythonValues.text(left), PythonValues.text(right));
            default -> arithmetic(operator, left, right);
        };
    }

    private static Object arithmetic(String operator, Object left, Object right) {
        if (operator.equals("%") && left instanceof String format) {
            return PercentFormat.format(format, right);
        }
        requireDefined("'" + operator + "' of", left, right);
        if (operator.equals("+")) {
            return add(left, right);
        }
        boolean numbers = PythonNumbers.isNumber(left) && PythonNumbers.isNumber(right);
        if (operator.equals("*") && !numbers) {
            return repeat(left, right);
        }
        if (!numbers) {
            throw cannot(operator, left, right);
        }
        return switch (operator) {
            case "-" -> PythonNumbers.subtract(left, right);
            case "*" -> PythonNumbers.multiply(left, right);
            case "/" -> PythonNumbers.divide(left, right);
            case "//" -> PythonNumbers.floorDivide(left, right);
            case "%" -> PythonNumbers.remainder(left, right);
            case "**" -> PythonNumbers.power(left, right);
            default -> throw new IllegalStateException(operator);
        };
    }

    private static TemplateException cannot(String operator, Object left, Object right) {
        return new TemplateException("'" + operator + "' cannot be used on " + PythonValues.kindOf(left) + " and "
                + PythonValues.kindOf(right));
    }

    /** Numbers, texts, lists or tuples. */
    static Object add(Object left, Object right) {
        requireDefined("'+' of", left, right);
        if (PythonNumbers.isNumber(left) && PythonNumbers.isNumber(right)) {
            return PythonNumbers.add(left, right);
        }
        if (left instanceof String a && right instanceof String b) {
            return PythonText.concat(a, b);
        }
        if (left instanceof List<?> a && right instanceof List<?> b) {
            boolean tuples = a instanceof PythonTuple;
            if (tuples == b instanceof PythonTuple && !(a instanceof PythonRange) && !(b instanceof PythonRange)) {
                RenderLimits.list((long) a.size() + b.size());
                List<Object> sum = new ArrayList<>(a.size() + b.size());
                sum.addAll(a);
                sum.addAll(b);
                return tuples ? new PythonTuple(sum) : sum;
            }
        }
        throw cannot("+", left, right);
    }

    private static Object repeat(Object left, Object right) {
        Object sequence = PythonNumbers.isInteger(left) ? right : left;
        Object times = PythonNumbers.isInteger(left) ? left : right;
        if (!PythonNumbers.isInteger(times)) {
            throw cannot("*", left, right);
        }
        if (times instanceof BigInteger) {
            throw new TemplateException("'*' repeats something more often than any limit allows");
        }
        if (sequence instanceof String text) {
            return PythonText.repeat(text, times);
        }
        if (sequence instanceof List<?> list && !(list instanceof PythonRange)) {
            int count = list.isEmpty() ? 0 : Math.max(0, PythonNumbers.clamped(times));
            RenderLimits.list((long) list.size() * count);
            List<Object> repeated = new ArrayList<>(list.size() * count);
            for (int i = 0; i < count; i++) {
                repeated.addAll(list);
            }
            return list instanceof PythonTuple ? new PythonTuple(repeated) : repeated;
        }
        throw cannot("*", left, right);
    }

    static Object unary(String operator, Object value) {
        if (value instanceof Undefined undefined) {
            throw undefined.misuse("'" + operator + "' of");
        }
        if (!PythonNumbers.isNumber(value)) {
            throw new TemplateException("'" + operator + "' cannot be used on " + PythonValues.kindOf(value));
        }
        if (operator.equals("-")) {
            return PythonNumbers.negate(value);
        }
        return value instanceof Boolean b ? (Object) (b ? 1L : 0L) : value;
    }
}

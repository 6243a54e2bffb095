package io.mmpo.data.template;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Predicate;

/** Jinja2's tests ({@code value is test}), with its results; these and no others can be used. */
final class JinjaTests {
    /** {@code value is name(arguments)}. */
    interface Test {
        boolean test(Object value, Arguments arguments);
    }

    private static final Map<String, Test> ALL = all();

    private JinjaTests() {}

    static Test named(String name) {
        Test test = ALL.get(name);
        if (test == null) {
            throw new TemplateException("there is no test '" + TemplateException.excerpt(name) + "'");
        }
        return test;
    }

    private static Map<String, Test> all() {
        Map<String, Test> tests = new HashMap<>();
        add(tests, value -> !(value instanceof Undefined), "defined");
        add(tests, value -> value instanceof Undefined, "undefined");
        add(tests, value -> value == null, "none");
        add(tests, value -> value instanceof Boolean, "boolean");
        add(tests, value -> Boolean.TRUE.equals(value), "true");
        add(tests, value -> Boolean.FALSE.equals(value), "false");
        add(tests, PythonNumbers::isNumber, "number");
        add(tests, value -> PythonNumbers.isInteger(value) && !(value instanceof Boolean), "integer");
        add(tests, value -> value instanceof Double, "float");
        add(tests, value -> value instanceof String, "string");
        add(tests, value -> value instanceof Map, "mapping");
        add(tests, value -> value instanceof Callable || value instanceof Undefined, "callable");
        add(tests, JinjaTests::isSequence, "sequence");
        add(
                tests,
                value -> isSequence(value) || value instanceof Iterable || value instanceof PythonIterator,
                "iterable");
        add(tests, value -> false, "escaped");
        add(tests, value -> isOne(remainder(value, 2L)), "odd");
        add(tests, value -> isZero(remainder(value, 2L)), "even");
        add(tests, value -> TextMethods.isLower(PythonValues.text(value)), "lower");
        add(tests, value -> TextMethods.isUpper(PythonValues.text(value)), "upper");
        add(tests, name -> exists(() -> JinjaFilters.named(PythonValues.text(name))), "filter");
        add(tests, name -> exists(() -> named(PythonValues.text(name))), "test");
        addBinary(tests, (value, divisor) -> isZero(remainder(value, divisor)), "divisibleby");
        addBinary(tests, PythonValues::equal, "eq", "equalto", "==");
        addBinary(tests, JinjaTests::same, "sameas");
        addBinary(tests, (value, other) -> !PythonValues.equal(value, other), "ne", "!=");
        addBinary(tests, (value, container) -> PythonValues.contains(container, value), "in");
        for (Operators.Order order : Operators.Order.values()) {
            addBinary(tests, order::holds, order.names().toArray(new String[0]));
        }
        return Map.copyOf(tests);
    }

    private static void add(Map<String, Test> tests, Predicate<Object> body, String name) {
        tests.put(name, (value, arguments) -> {
            arguments.bind("the test '" + name + "'");
            return body.test(value);
        });
    }

    private static void addBinary(Map<String, Test> tests, BiPredicate<Object, Object> body, String... names) {
        for (String name : names) {
            tests.put(name, (value, arguments) -> {
                if (arguments.positional().size() + arguments.named().size() != 1) {
                    throw new TemplateException("the test '" + name + "' wants one argument");
                }
                Object other = arguments.positional().isEmpty()
                        ? arguments.named().values().iterator().next()
                        : arguments.positional().getFirst();
                return body.test(value, other);
            });
        }
    }

    private static boolean exists(Runnable lookup) {
        try {
            lookup.run();
            return true;
        } catch (TemplateException e) {
            return false; // which is the answer
        }
    }

    /** Text and mappings have items too. */
    private static boolean isSequence(Object value) {
        return value instanceof String || value instanceof List || value instanceof Map || value instanceof Undefined;
    }

    /** Python's identity: small integers and short texts are one object each. */
    private static boolean same(Object left, Object right) {
        boolean plain =
                left == null || Set.of(Boolean.class, Long.class, String.class).contains(left.getClass());
        return plain && right != null && left != null ? left.equals(right) : left == right;
    }

    private static Object remainder(Object value, Object divisor) {
        return Operators.apply("%", value, divisor);
    }

    private static boolean isZero(Object number) {
        return PythonValues.equal(number, 0L);
    }

    private static boolean isOne(Object number) {
        return PythonValues.equal(number, 1L);
    }
}

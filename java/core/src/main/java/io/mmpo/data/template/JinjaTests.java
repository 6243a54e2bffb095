package io.mmpo.data.template;

import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BiPredicate;
import java.util.function.Predicate;

/** Jinja2's tests ({@code value is test}), with its results; these and no others can be used. */
final class JinjaTests {
    private JinjaTests() {}

    private record NamedTest(String name, BiPredicate<Object, Object[]> body) implements ExpTest {
        @Override
        public String getName() {
            return name;
        }

        @Override
        public boolean evaluate(Object value, JinjavaInterpreter interpreter, Object... arguments) {
            return body.test(value, arguments);
        }
    }

    static List<ExpTest> all() {
        List<ExpTest> tests = new ArrayList<>();
        add(tests, value -> value != PythonValues.UNDEFINED, "defined");
        add(tests, value -> value == PythonValues.UNDEFINED, "undefined");
        add(tests, value -> value == null, "none");
        add(tests, value -> value instanceof Boolean, "boolean");
        add(tests, value -> Boolean.TRUE.equals(value), "true");
        add(tests, value -> Boolean.FALSE.equals(value), "false");
        add(tests, value -> value instanceof Number || value instanceof Boolean, "number");
        add(tests, value -> value instanceof Long || value instanceof Integer, "integer");
        add(tests, value -> value instanceof Double, "float");
        add(tests, value -> value instanceof CharSequence, "string");
        add(tests, value -> value instanceof Map, "mapping");
        add(tests, JinjaTests::isSequence, "sequence");
        add(tests, value -> isSequence(value) || value == PythonValues.UNDEFINED, "iterable");
        add(tests, value -> remainder(value, 2) == 1, "odd");
        add(tests, value -> remainder(value, 2) == 0, "even");
        add(tests, value -> PythonValues.text(value).chars().noneMatch(Character::isUpperCase), "lower");
        add(tests, value -> PythonValues.text(value).chars().noneMatch(Character::isLowerCase), "upper");
        addBinary(tests, (value, other) -> remainder(value, ((Number) other).longValue()) == 0, "divisibleby");
        addBinary(tests, PythonValues::equal, "eq", "equalto", "==", "sameas");
        addBinary(tests, (value, other) -> !PythonValues.equal(value, other), "ne", "!=");
        addBinary(tests, (value, container) -> PythonValues.contains(container, value), "in");
        addBinary(tests, (value, other) -> PythonValues.compare(value, other) < 0, "lt", "lessthan", "<");
        addBinary(tests, (value, other) -> PythonValues.compare(value, other) <= 0, "le", "<=");
        addBinary(tests, (value, other) -> PythonValues.compare(value, other) > 0, "gt", "greaterthan", ">");
        addBinary(tests, (value, other) -> PythonValues.compare(value, other) >= 0, "ge", ">=");
        return tests;
    }

    private static void add(List<ExpTest> tests, Predicate<Object> body, String name) {
        tests.add(new NamedTest(name, (value, arguments) -> body.test(value)));
    }

    private static void addBinary(List<ExpTest> tests, BiPredicate<Object, Object> body, String... names) {
        for (String name : names) {
            tests.add(new NamedTest(name, (value, arguments) -> {
                if (arguments.length != 1) {
                    throw new TemplateException("the test '" + name + "' wants one argument");
                }
                return body.test(value, arguments[0]);
            }));
        }
    }

    /** Text and mappings have items too. */
    private static boolean isSequence(Object value) {
        return value instanceof CharSequence || value instanceof List || value instanceof Map;
    }

    private static long remainder(Object value, long divisor) {
        if (value instanceof Number number) {
            return Math.floorMod(number.longValue(), divisor);
        }
        throw new TemplateException("a test of numbers is given something else");
    }
}

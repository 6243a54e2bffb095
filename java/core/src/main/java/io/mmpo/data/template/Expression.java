package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What has a value in a scope. */
interface Expression {
    Object evaluate(Scope scope);

    record Constant(Object value) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return value;
        }
    }

    record Variable(String name) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return scope.get(name);
        }
    }

    record Elements(List<Expression> elements, boolean isTuple) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            RenderLimits.list(elements.size());
            List<Object> values = new ArrayList<>(elements.size());
            elements.forEach(element -> values.add(element.evaluate(scope)));
            return isTuple ? new PythonTuple(values) : values;
        }
    }

    record Mapping(List<Expression> keys, List<Expression> values) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Map<Object, Object> map = new LinkedHashMap<>();
            for (int i = 0; i < keys.size(); i++) {
                PythonMaps.put(map, keys.get(i).evaluate(scope), values.get(i).evaluate(scope));
            }
            return map;
        }
    }

    record Attribute(Expression base, String name) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return Attributes.get(base.evaluate(scope), name);
        }
    }

    record Item(Expression base, Expression key) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object value = base.evaluate(scope);
            return Attributes.item(value, key.evaluate(scope));
        }
    }

    /** A bound that is left out is null. */
    record SliceKey(Expression start, Expression stop, Expression step) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return new Slice(bound(start, scope), bound(stop, scope), bound(step, scope));
        }

        private static Object bound(Expression bound, Scope scope) {
            return bound == null ? null : bound.evaluate(scope);
        }
    }

    record Unary(String operator, Expression operand) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return Operators.unary(operator, operand.evaluate(scope));
        }
    }

    record Not(Expression operand) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            return !PythonValues.truth(operand.evaluate(scope));
        }
    }

    record Binary(String operator, Expression left, Expression right) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            RenderLimits.tick();
            Object value = left.evaluate(scope);
            return Operators.apply(operator, value, right.evaluate(scope));
        }
    }

    /** {@code a < b < c}: each pair is compared, the second value is computed once. */
    record Comparison(Expression first, List<String> operators, List<Expression> others) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object left = first.evaluate(scope);
            for (int i = 0; i < operators.size(); i++) {
                Object right = others.get(i).evaluate(scope);
                if (!PythonValues.truth(Operators.apply(operators.get(i), left, right))) {
                    return false;
                }
                left = right;
            }
            return true;
        }
    }

    /** {@code and} gives the first operand that is false, {@code or} the first that is true. */
    record Junction(boolean isOr, Expression left, Expression right) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object value = left.evaluate(scope);
            return PythonValues.truth(value) == isOr ? value : right.evaluate(scope);
        }
    }

    /** Texts of all operands, one after another. */
    record Concatenation(List<Expression> operands) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            List<String> texts = new ArrayList<>();
            operands.forEach(operand -> texts.add(PythonValues.text(operand.evaluate(scope))));
            return PythonText.join(texts.iterator(), "");
        }
    }

    /** {@code value if condition else other}; without {@code else}, other is null, and stands for something undefined. */
    record Choice(Expression condition, Expression value, Expression other) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            if (PythonValues.truth(condition.evaluate(scope))) {
                return value.evaluate(scope);
            }
            return other == null ? new Undefined("the value of an 'if' without 'else'") : other.evaluate(scope);
        }
    }

    /** Arguments of a call; the last two are {@code *list} and {@code **mapping}, or null. */
    record ArgumentList(
            List<Expression> positional, Map<String, Expression> named, Expression spread, Expression spreadNamed) {
        static final ArgumentList NONE = new ArgumentList(List.of(), Map.of(), null, null);

        Arguments evaluate(Scope scope) {
            if (this == NONE) {
                return Arguments.NONE;
            }
            List<Object> values = new ArrayList<>();
            positional.forEach(argument -> values.add(argument.evaluate(scope)));
            Map<String, Object> byName = new LinkedHashMap<>();
            named.forEach((name, argument) -> byName.put(name, argument.evaluate(scope)));
            if (spread != null) {
                Iterator<?> more = PythonValues.iterator(spread.evaluate(scope));
                while (more.hasNext()) {
                    RenderLimits.item(values.size());
                    values.add(more.next());
                }
            }
            if (spreadNamed != null) {
                if (!(spreadNamed.evaluate(scope) instanceof Map<?, ?> map)) {
                    throw new TemplateException("'**' wants a mapping of arguments");
                }
                map.forEach((name, value) -> {
                    if (!(name instanceof String text) || byName.put(text, value) != null) {
                        throw new TemplateException("'**' wants names as keys, each once");
                    }
                });
            }
            return new Arguments(values, byName);
        }
    }

    record Call(Expression callee, ArgumentList arguments) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            RenderLimits.step();
            Object function = callee.evaluate(scope);
            return Attributes.call(function, arguments.evaluate(scope));
        }
    }

    /** Looked up when it is used: a filter that does not exist may stand in a branch that is not taken. */
    record Filtered(Expression value, String filter, ArgumentList arguments) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object input = value.evaluate(scope);
            return JinjaFilters.named(filter).apply(input, arguments.evaluate(scope));
        }
    }

    record Tested(Expression value, String test, ArgumentList arguments) implements Expression {
        @Override
        public Object evaluate(Scope scope) {
            Object input = value.evaluate(scope);
            return JinjaTests.named(test).test(input, arguments.evaluate(scope));
        }
    }
}

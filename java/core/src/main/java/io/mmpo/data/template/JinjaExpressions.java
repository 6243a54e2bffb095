package io.mmpo.data.template;

import com.hubspot.jinjava.el.ExtendedSyntaxBuilder;
import com.hubspot.jinjava.el.TruthyTypeConverter;
import com.hubspot.jinjava.el.ext.AdditionOperator;
import com.hubspot.jinjava.el.ext.AstNamedParameter;
import com.hubspot.jinjava.el.ext.CollectionMembershipOperator;
import com.hubspot.jinjava.el.ext.CollectionNonMembershipOperator;
import com.hubspot.jinjava.el.ext.ExtendedParser;
import com.hubspot.jinjava.el.ext.StringConcatOperator;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.function.BinaryOperator;
import jinjava.de.odysseus.el.ExpressionFactoryImpl;
import jinjava.de.odysseus.el.misc.TypeConverter;
import jinjava.de.odysseus.el.tree.Bindings;
import jinjava.de.odysseus.el.tree.TreeBuilder;
import jinjava.de.odysseus.el.tree.impl.Builder;
import jinjava.de.odysseus.el.tree.impl.Parser;
import jinjava.de.odysseus.el.tree.impl.Scanner;
import jinjava.de.odysseus.el.tree.impl.ast.AstBinary;
import jinjava.de.odysseus.el.tree.impl.ast.AstIdentifier;
import jinjava.de.odysseus.el.tree.impl.ast.AstNode;
import jinjava.de.odysseus.el.tree.impl.ast.AstParameters;
import jinjava.javax.el.ELContext;

/** jinjava's expressions with Python's operators: what is true, equal, added, contained. */
final class JinjaExpressions extends ExpressionFactoryImpl {
    private static final int MAX_NESTING = 100;
    private static final String NO_SUCH_NAME = "__undefined__";
    private static final Set<String> NONE = Set.of("none", "None");

    /** What takes the place of jinjava's operators. */
    private static final Map<AstBinary.Operator, AstBinary.Operator> PYTHON = Map.of(
            AdditionOperator.OP, new PythonOperator(JinjaExpressions::add),
            AstBinary.MUL, new PythonOperator(JinjaExpressions::multiply),
            AstBinary.EQ, new PythonOperator(PythonValues::equal),
            AstBinary.NE, new PythonOperator((a, b) -> !PythonValues.equal(a, b)),
            AstBinary.AND, new And());

    JinjaExpressions() {
        super(new Properties());
    }

    @Override
    protected TreeBuilder createTreeBuilder(Properties properties, Builder.Feature... features) {
        return new Syntax(features);
    }

    @Override
    protected TypeConverter createTypeConverter(Properties properties) {
        return new PythonTruth();
    }

    private static final class PythonTruth extends TruthyTypeConverter {
        private static final long serialVersionUID = 1L;

        @Override
        protected Boolean coerceToBoolean(Object value) {
            return PythonValues.truth(value);
        }
    }

    private static final class Syntax extends ExtendedSyntaxBuilder {
        private static final long serialVersionUID = 1L;

        Syntax(Feature... features) {
            super(features);
        }

        @Override
        protected Parser createParser(String expression) {
            return new PythonParser(this, expression);
        }
    }

    private static final class PythonParser extends ExtendedParser {
        private int nesting;

        PythonParser(Builder context, String input) {
            super(context, input);
            putExtensionHandler(StringConcatOperator.TOKEN, handler(ExtensionPoint.ADD, JinjaExpressions::concatenate));
            putExtensionHandler(
                    CollectionMembershipOperator.TOKEN,
                    handler(ExtensionPoint.CMP, (a, b) -> PythonValues.contains(b, a)));
            putExtensionHandler(
                    CollectionNonMembershipOperator.TOKEN,
                    handler(ExtensionPoint.CMP, (a, b) -> !PythonValues.contains(b, a)));
        }

        private static ExtensionHandler handler(ExtensionPoint point, BinaryOperator<Object> operator) {
            return new ExtensionHandler(point) {
                @Override
                public AstNode createAstNode(AstNode... children) {
                    return new AstBinary(children[0], children[1], new PythonOperator(operator));
                }
            };
        }

        /** Arguments, of which some may be named: {@code f(a, b=c)}. */
        @Override
        protected AstParameters params(Scanner.Symbol left, Scanner.Symbol right)
                throws Scanner.ScanException, ParseException {
            consumeToken(left);
            List<AstNode> arguments = new ArrayList<>();
            while (getToken().getSymbol() != right) {
                arguments.add(argument());
                if (getToken().getSymbol() != right) {
                    consumeToken(Scanner.Symbol.COMMA);
                }
            }
            consumeToken(right);
            return createAstParameters(arguments);
        }

        private AstNode argument() throws Scanner.ScanException, ParseException {
            boolean named = getToken().getSymbol() == Scanner.Symbol.IDENTIFIER
                    && lookahead(0).getImage().equals("=");
            if (!named) {
                return expr(true);
            }
            AstIdentifier name = identifier(consumeToken().getImage());
            consumeToken(); // =
            return new AstNamedParameter(name, expr(true));
        }

        /** A name, a call, a tuple or an expression in parentheses; jinjava would search ahead at every parenthesis. */
        @Override
        protected AstNode nonliteral() throws Scanner.ScanException, ParseException {
            if (getToken().getSymbol() == Scanner.Symbol.IDENTIFIER) {
                String name = consumeToken().getImage();
                return getToken().getSymbol() == Scanner.Symbol.LPAREN ? function(name, params()) : identifier(name);
            }
            if (getToken().getSymbol() != Scanner.Symbol.LPAREN) {
                return null;
            }
            consumeToken();
            List<AstNode> elements = new ArrayList<>();
            boolean tuple = getToken().getSymbol() == Scanner.Symbol.RPAREN;
            while (getToken().getSymbol() != Scanner.Symbol.RPAREN) {
                elements.add(expr(true));
                if (getToken().getSymbol() != Scanner.Symbol.RPAREN) {
                    consumeToken(Scanner.Symbol.COMMA);
                    tuple = true;
                }
            }
            consumeToken(Scanner.Symbol.RPAREN);
            return tuple ? createAstTuple(createAstParameters(elements)) : createAstNested(elements.getFirst());
        }

        @Override
        protected AstIdentifier createAstIdentifier(String name, int index) {
            return new PythonName(name, index);
        }

        /** {@code value if condition else other}; without {@code else} the other value is undefined. Bounds the recursion. */
        @Override
        protected AstNode expr(boolean required) throws Scanner.ScanException, ParseException {
            if (++nesting > MAX_NESTING) {
                throw new TemplateException("an expression is nested deeper than " + MAX_NESTING + " levels");
            }
            AstNode node = or(required);
            while (node != null && getToken().getImage().equals("if")) {
                consumeToken();
                AstNode condition = or(true);
                AstNode other = identifier(NO_SUCH_NAME);
                if (getToken().getImage().equals("else")) {
                    consumeToken();
                    other = expr(true);
                }
                node = createAstChoice(condition, node, other);
            }
            nesting--;
            return node;
        }

        @Override
        protected AstBinary createAstBinary(AstNode left, AstNode right, AstBinary.Operator operator) {
            return new AstBinary(left, right, PYTHON.getOrDefault(operator, operator));
        }
    }

    /** A variable; one that does not exist is undefined, where jinjava has null. */
    private static final class PythonName extends AstIdentifier {
        private final String name;

        PythonName(String name, int index) {
            super(name, index);
            this.name = name;
        }

        @Override
        public Object eval(Bindings bindings, ELContext context) {
            if (name.equals(ExtendedParser.INTERPRETER) || name.indexOf(':') >= 0) {
                Object value = super.eval(bindings, context); // what the parser itself puts in for filters and tests
                if (value == null) {
                    throw new TemplateException(
                            "there is no " + name.replace("exptest:", "test '").replace("filter:", "filter '") + "'");
                }
                return value;
            }
            for (Context scope = JinjavaInterpreter.getCurrent().getContext();
                    scope != null;
                    scope = scope.getParent()) {
                if (scope.getScope().containsKey(name)) {
                    return scope.getScope().get(name);
                }
            }
            return NONE.contains(name) ? null : PythonValues.UNDEFINED;
        }
    }

    private record PythonOperator(BinaryOperator<Object> operator) implements AstBinary.Operator {
        @Override
        public Object eval(Bindings bindings, ELContext context, AstNode left, AstNode right) {
            return operator.apply(left.eval(bindings, context), right.eval(bindings, context));
        }
    }

    /** {@code and} gives one of its operands, not a truth value. */
    private static final class And implements AstBinary.Operator {
        @Override
        public Object eval(Bindings bindings, ELContext context, AstNode left, AstNode right) {
            Object value = left.eval(bindings, context);
            return PythonValues.truth(value) ? right.eval(bindings, context) : value;
        }
    }

    private static Object concatenate(Object left, Object right) {
        return joined(PythonValues.text(left), PythonValues.text(right));
    }

    private static String joined(String left, String right) {
        RenderLimits.text((long) left.length() + right.length());
        return left.concat(right);
    }

    static Object add(Object left, Object right) {
        if (left instanceof CharSequence a && right instanceof CharSequence b) {
            return joined(a.toString(), b.toString());
        }
        if (left instanceof Number a && right instanceof Number b) {
            return isInteger(a) && isInteger(b)
                    ? (Object) (a.longValue() + b.longValue())
                    : a.doubleValue() + b.doubleValue();
        }
        if (left instanceof List<?> a && right instanceof List<?> b) {
            RenderLimits.text((long) a.size() + b.size());
            List<Object> sum = new ArrayList<>(a);
            sum.addAll(b);
            return sum;
        }
        throw new TemplateException("'+' cannot join " + kind(left) + " and " + kind(right));
    }

    /** Numbers, or text repeated. */
    private static Object multiply(Object left, Object right) {
        if (left instanceof CharSequence text && right instanceof Number n) {
            int times = Math.clamp(n.longValue(), 0, Integer.MAX_VALUE);
            RenderLimits.text((long) text.length() * times);
            return text.toString().repeat(times);
        }
        if (left instanceof Number a && right instanceof Number b) {
            return isInteger(a) && isInteger(b)
                    ? (Object) (a.longValue() * b.longValue())
                    : a.doubleValue() * b.doubleValue();
        }
        throw new TemplateException("'*' cannot multiply " + kind(left) + " and " + kind(right));
    }

    private static boolean isInteger(Number number) {
        return number instanceof Long || number instanceof Integer;
    }

    private static String kind(Object value) {
        return switch (value) {
            case null -> "none";
            case CharSequence s -> "text";
            case Number n -> "a number";
            case List<?> l -> "a list";
            case Map<?, ?> m -> "a mapping";
            case Boolean b -> "a truth value";
            default -> "something undefined";
        };
    }
}

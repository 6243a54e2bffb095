package io.mmpo.data.template;

import io.mmpo.data.template.Expression.ArgumentList;
import io.mmpo.data.template.Token.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Expressions in Jinja2's grammar, each operator at its rank there. */
final class ExpressionParser {
    private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
    private static final Set<String> SUMS = Set.of("+", "-");
    private static final Set<String> PRODUCTS = Set.of("*", "/", "//", "%");

    private final TokenStream tokens;
    private final JinjaEnvironment environment;
    private final Lookups lookups;

    ExpressionParser(TokenStream tokens, JinjaEnvironment environment) {
        this.tokens = tokens;
        this.environment = environment;
        this.lookups = new Lookups(tokens);
    }

    Lookups lookups() {
        return lookups;
    }

    /** {@code value if condition else other}. */
    Expression expression() {
        tokens.enter();
        int before = lookups.numUnknown();
        Expression value = or();
        while (tokens.skipName("if")) {
            Expression condition = or();
            Expression other = tokens.skipName("else") ? expression() : null;
            value = new Expression.Choice(condition, value, other);
            lookups.forgetUnknown(before);
        }
        tokens.leave();
        return value;
    }

    Expression or() {
        Expression left = and();
        while (tokens.skipName("or")) {
            left = new Expression.Junction(true, left, and());
        }
        return left;
    }

    private Expression and() {
        Expression left = not();
        while (tokens.skipName("and")) {
            left = new Expression.Junction(false, left, not());
        }
        return left;
    }

    private Expression not() {
        if (!tokens.skipName("not")) {
            return comparison();
        }
        tokens.enter();
        Expression operand = not();
        tokens.leave();
        return new Expression.Not(operand);
    }

    private Expression comparison() {
        Expression first = sum();
        List<String> operators = new ArrayList<>();
        List<Expression> others = new ArrayList<>();
        while (true) {
            if (tokens.current().kind() == Kind.OPERATOR
                    && COMPARISONS.contains(tokens.current().value())) {
                operators.add((String) tokens.next().value());
            } else if (tokens.skipName("in")) {
                operators.add("in");
            } else if (tokens.isName("not") && tokens.look().isName("in")) {
                tokens.next();
                tokens.next();
                operators.add("not in");
            } else {
                return operators.isEmpty() ? first : new Expression.Comparison(first, operators, others);
            }
            others.add(sum());
        }
    }

    private boolean isOneOf(Set<String> operators) {
        return tokens.current().kind() == Kind.OPERATOR
                && operators.contains(tokens.current().value());
    }

    private Expression sum() {
        Expression left = concatenation();
        while (isOneOf(SUMS)) {
            left = new Expression.Binary((String) tokens.next().value(), left, concatenation());
        }
        return left;
    }

    private Expression concatenation() {
        Expression first = product();
        if (!tokens.isOperator("~")) {
            return first;
        }
        List<Expression> operands = new ArrayList<>(List.of(first));
        while (tokens.skipOperator("~")) {
            operands.add(product());
        }
        return new Expression.Concatenation(operands);
    }

    private Expression product() {
        Expression left = power();
        while (isOneOf(PRODUCTS)) {
            left = new Expression.Binary((String) tokens.next().value(), left, power());
        }
        return left;
    }

    private Expression power() {
        Expression left = unary(true);
        while (tokens.skipOperator("**")) {
            left = new Expression.Binary("**", left, unary(true));
        }
        return left;
    }

    private Expression unary(boolean withFilters) {
        tokens.enter();
        Expression value;
        if (isOneOf(SUMS)) {
            value = new Expression.Unary((String) tokens.next().value(), unary(false));
        } else {
            value = primary();
        }
        value = postfix(value);
        tokens.leave();
        return withFilters ? filtersAndTests(value) : value;
    }

    private Expression primary() {
        Token token = tokens.current();
        switch (token.kind()) {
            case NAME -> {
                tokens.next();
                return switch ((String) token.value()) {
                    case "true", "True" -> new Expression.Constant(true);
                    case "false", "False" -> new Expression.Constant(false);
                    case "none", "None" -> new Expression.Constant(null);
                    case String name -> {
                        lookups.read(name);
                        yield new Expression.Variable(name);
                    }
                };
            }
            case STRING -> {
                StringBuilder text = new StringBuilder();
                while (tokens.current().kind() == Kind.STRING) {
                    text.append(tokens.next().value());
                }
                return new Expression.Constant(text.toString());
            }
            case INTEGER, FLOAT -> {
                return new Expression.Constant(tokens.next().value());
            }
            default -> {
                if (tokens.skipOperator("(")) {
                    Expression inner = tuple(true, true);
                    tokens.expectOperator(")");
                    return inner;
                }
                if (tokens.skipOperator("[")) {
                    return new Expression.Elements(elements(), false);
                }
                if (tokens.skipOperator("{")) {
                    return mapping();
                }
                throw tokens.unexpected("an expression");
            }
        }
    }

    private List<Expression> elements() {
        List<Expression> elements = new ArrayList<>();
        while (!tokens.skipOperator("]")) {
            if (!elements.isEmpty()) {
                tokens.expectOperator(",");
                if (tokens.skipOperator("]")) {
                    break;
                }
            }
            elements.add(expression());
        }
        return elements;
    }

    private Expression mapping() {
        List<Expression> keys = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (!tokens.skipOperator("}")) {
            if (!keys.isEmpty()) {
                tokens.expectOperator(",");
                if (tokens.skipOperator("}")) {
                    break;
                }
            }
            keys.add(expression());
            tokens.expectOperator(":");
            values.add(expression());
        }
        return new Expression.Mapping(keys, values);
    }

    /**
     * One expression, or several with commas between or behind them.
     *
     * @param withChoice whether {@code a if b else c} may stand in it; a {@code for} has its own {@code if}
     * @param mayBeEmpty in parentheses
     */
    Expression tuple(boolean withChoice, boolean mayBeEmpty) {
        List<Expression> elements = new ArrayList<>();
        boolean isTuple = false;
        while (true) {
            if (!elements.isEmpty()) {
                tokens.expectOperator(",");
            }
            boolean endsFor = !withChoice && !elements.isEmpty() && tokens.isName("recursive");
            if (endsTuple() || endsFor) {
                break;
            }
            elements.add(withChoice ? expression() : or());
            if (!tokens.isOperator(",")) {
                break;
            }
            isTuple = true;
        }
        if (!isTuple && elements.size() == 1) {
            return elements.getFirst();
        }
        if (!isTuple && !mayBeEmpty) {
            throw tokens.unexpected("an expression");
        }
        return new Expression.Elements(elements, true);
    }

    private boolean endsTuple() {
        Kind kind = tokens.current().kind();
        return kind == Kind.EXPRESSION_END || kind == Kind.STATEMENT_END || tokens.isOperator(")");
    }

    private Expression postfix(Expression value) {
        Expression result = value;
        while (true) {
            if (tokens.skipOperator(".")) {
                if (tokens.current().kind() == Kind.INTEGER) {
                    result = new Expression.Item(
                            result, new Expression.Constant(tokens.next().value()));
                } else {
                    result = new Expression.Attribute(result, tokens.name());
                }
            } else if (tokens.skipOperator("[")) {
                result = new Expression.Item(result, subscript());
            } else if (tokens.isOperator("(")) {
                result = new Expression.Call(result, arguments());
            } else {
                return result;
            }
        }
    }

    private Expression subscript() {
        List<Expression> keys = new ArrayList<>();
        while (!tokens.skipOperator("]")) {
            if (!keys.isEmpty()) {
                tokens.expectOperator(",");
            }
            keys.add(sliceOrKey());
        }
        return keys.size() == 1 ? keys.getFirst() : new Expression.Elements(keys, true);
    }

    private Expression sliceOrKey() {
        Expression start = tokens.isOperator(":") ? null : expression();
        if (!tokens.skipOperator(":")) {
            return start;
        }
        Expression stop = bound();
        Expression step = tokens.skipOperator(":") ? bound() : null;
        return new Expression.SliceKey(start, stop, step);
    }

    private Expression bound() {
        boolean leftOut = tokens.isOperator(":") || tokens.isOperator("]") || tokens.isOperator(",");
        return leftOut ? null : expression();
    }

    private Expression filtersAndTests(Expression value) {
        Expression result = value;
        while (true) {
            if (tokens.isOperator("|")) {
                result = filters(result, false);
            } else if (tokens.isName("is")) {
                result = test(result);
            } else if (tokens.isOperator("(")) {
                result = new Expression.Call(result, arguments());
            } else {
                return result;
            }
        }
    }

    /** One filter after another; the first one's bar may be missing. */
    Expression filters(Expression value, boolean startsInline) {
        Expression result = value;
        boolean inline = startsInline;
        while (inline || tokens.skipOperator("|")) {
            inline = false;
            String name = dottedName();
            lookups.require(() -> JinjaFilters.named(name, environment));
            result = new Expression.Filtered(result, name, tokens.isOperator("(") ? arguments() : ArgumentList.NONE);
        }
        return result;
    }

    private String dottedName() {
        StringBuilder name = new StringBuilder(tokens.name());
        while (tokens.skipOperator(".")) {
            name.append('.').append(tokens.name());
        }
        return name.toString();
    }

    private Expression test(Expression value) {
        tokens.expectName("is");
        boolean negated = tokens.skipName("not");
        String name = dottedName();
        lookups.require(() -> JinjaTests.named(name));
        ArgumentList arguments = ArgumentList.NONE;
        if (tokens.isOperator("(")) {
            arguments = arguments();
        } else if (beginsOperand()) {
            if (tokens.isName("is")) {
                throw new TemplateException("one 'is' follows another")
                        .at(tokens.current().line());
            }
            arguments = new ArgumentList(List.of(postfix(primary())), Map.of(), null, null);
        }
        Expression test = new Expression.Tested(value, name, arguments);
        return negated ? new Expression.Not(test) : test;
    }

    private boolean beginsOperand() {
        return switch (tokens.current().kind()) {
            case NAME -> !tokens.isName("else") && !tokens.isName("or") && !tokens.isName("and");
            case STRING, INTEGER, FLOAT -> true;
            default -> tokens.isOperator("[") || tokens.isOperator("{");
        };
    }

    private ArgumentList arguments() {
        tokens.expectOperator("(");
        List<Expression> positional = new ArrayList<>();
        Map<String, Expression> named = new LinkedHashMap<>();
        Expression spread = null;
        Expression spreadNamed = null;
        boolean first = true;
        while (!tokens.skipOperator(")")) {
            if (!first) {
                tokens.expectOperator(",");
                if (tokens.skipOperator(")")) {
                    break;
                }
            }
            first = false;
            if (spread == null && spreadNamed == null && tokens.skipOperator("*")) {
                spread = expression();
            } else if (spreadNamed == null && tokens.skipOperator("**")) {
                spreadNamed = expression();
            } else if (tokens.current().kind() == Kind.NAME && tokens.look().isOperator("=") && spreadNamed == null) {
                String name = tokens.name();
                tokens.next();
                if (named.put(name, expression()) != null) {
                    throw new TemplateException("the argument '" + name + "' is given twice");
                }
            } else if (named.isEmpty() && spread == null && spreadNamed == null) {
                positional.add(expression());
            } else {
                throw tokens.unexpected("an argument with a name");
            }
        }
        return new ArgumentList(positional, named, spread, spreadNamed);
    }
}

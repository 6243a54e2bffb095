package io.mmpo.data.template;

import io.mmpo.data.template.Statement.Block;
import io.mmpo.data.template.Statement.Located;
import io.mmpo.data.template.Statement.Target;
import io.mmpo.data.template.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Reads a template's statements: those of Jinja2, with transformers' {@code generation}, but for what reads other templates. */
final class TemplateParser {
    private static final Set<String> OF_OTHER_TEMPLATES = Set.of("include", "import", "from", "extends");
    private static final Set<String> CONSTANTS = Set.of("true", "false", "none", "True", "False", "None");

    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private boolean inLoop;
    private boolean marks;

    private TemplateParser(List<Token> tokens, JinjaEnvironment environment) {
        this.tokens = new TokenStream(tokens);
        this.expressions = new ExpressionParser(this.tokens, environment);
    }

    /** A template's statements, the names that they read as variables, and whether one marks the assistant's text. */
    record Parsed(Block body, Set<String> names, boolean marks) {}

    static Parsed parse(String template, JinjaEnvironment environment) {
        TemplateParser parser = new TemplateParser(TemplateLexer.tokens(template, environment), environment);
        Block body = parser.until(Set.of());
        return new Parsed(body, Set.copyOf(parser.expressions.lookups().names()), parser.marks);
    }

    /** Statements up to one of these words, which is left for the caller; without words up to the template's end. */
    private Block until(Set<String> ends) {
        tokens.enter();
        List<Located> statements = new ArrayList<>();
        while (true) {
            Token token = tokens.current();
            switch (token.kind()) {
                case DATA -> {
                    tokens.next();
                    statements.add(new Located(new Statement.Text((String) token.value()), token.line()));
                }
                case EXPRESSION_BEGIN -> {
                    tokens.next();
                    Expression value = expressions.tuple(true, false);
                    expressions.lookups().requireKnown();
                    tokens.expect(Kind.EXPRESSION_END, "'}}'");
                    statements.add(new Located(new Statement.Print(value), token.line()));
                }
                case STATEMENT_BEGIN -> {
                    tokens.next();
                    if (tokens.current().kind() == Kind.NAME
                            && ends.contains((String) tokens.current().value())) {
                        tokens.leave();
                        return new Block(statements);
                    }
                    statements.add(new Located(statement(), token.line()));
                    expressions.lookups().requireKnown();
                    tokens.expect(Kind.STATEMENT_END, "'%}'");
                }
                default -> {
                    if (!ends.isEmpty()) {
                        throw tokens.unexpected("'"
                                + String.join("' or '", ends.stream().sorted().toList()) + "'");
                    }
                    tokens.leave();
                    return new Block(statements);
                }
            }
        }
    }

    /** The block behind a statement's end, with its closing word. */
    private Block body(String end) {
        Block body = bodyUntil(Set.of(end));
        tokens.expectName(end);
        return body;
    }

    private Block bodyUntil(Set<String> ends) {
        tokens.skipOperator(":");
        tokens.expect(Kind.STATEMENT_END, "'%}'");
        return until(ends);
    }

    private Statement statement() {
        Token word = tokens.expect(Kind.NAME, "a statement");
        String name = (String) word.value();
        if (OF_OTHER_TEMPLATES.contains(name)) {
            throw new TemplateException("'" + name + "' reads another template, which a chat template cannot")
                    .at(word.line());
        }
        return switch (name) {
            case "if" -> ifStatement();
            case "for" -> forStatement();
            case "set" -> setStatement();
            case "macro" -> macro();
            case "call" -> callBlock();
            case "filter" -> filterBlock();
            case "with" -> with();
            case "print" -> print();
            case "break" -> jump(Statement.Flow.BREAK, word);
            case "continue" -> jump(Statement.Flow.CONTINUE, word);
            case "generation" -> {
                marks = true;
                yield new Statement.Generation(outsideOfLoops(() -> body("endgeneration")));
            }
            case "autoescape" -> {
                if (!new Expression.Constant(false).equals(expressions.expression())) {
                    throw new TemplateException("'autoescape' is false in chat templates").at(word.line());
                }
                yield new Statement.Scoped(insideBlock("endautoescape"));
            }
            case "block" -> {
                tokens.name();
                tokens.skipName("scoped");
                Statement block = apart("endblock");
                if (tokens.current().kind() == Kind.NAME) {
                    tokens.next();
                }
                yield block;
            }
            default ->
                throw new TemplateException("'" + TemplateException.excerpt(name) + "' is no statement there")
                        .at(word.line());
        };
    }

    /** A body with variables of its own; a loop around it cannot be left from there. */
    private Statement apart(String end) {
        return new Statement.Scoped(outsideOfLoops(() -> body(end)));
    }

    private <T> T outsideOfLoops(java.util.function.Supplier<T> body) {
        boolean before = inLoop;
        inLoop = false;
        List<T> result = new ArrayList<>(1);
        expressions.lookups().withLenience(false, () -> result.add(body.get()));
        inLoop = before;
        return result.getFirst();
    }

    private Statement jump(Statement.Flow flow, Token word) {
        if (!inLoop) {
            throw new TemplateException("'" + word.value() + "' stands outside of any loop").at(word.line());
        }
        return new Statement.Jump(flow);
    }

    private Statement ifStatement() {
        List<Expression> conditions = new ArrayList<>();
        List<Block> branches = new ArrayList<>();
        expressions.lookups().withLenience(true, () -> {
            String word = "elif";
            while (word.equals("elif")) {
                conditions.add(expressions.tuple(false, false));
                branches.add(bodyUntil(Set.of("elif", "else", "endif")));
                word = tokens.name();
            }
            if (word.equals("else")) {
                conditions.add(new Expression.Constant(true));
                branches.add(body("endif"));
            }
        });
        return new Statement.If(conditions, branches);
    }

    private Statement forStatement() {
        Target target = target(false);
        tokens.expectName("in");
        Expression iterable = expressions.tuple(false, false);
        Expression condition = tokens.skipName("if") ? expressions.expression() : null;
        boolean recursive = tokens.skipName("recursive");
        boolean before = inLoop;
        List<Block> parts = new ArrayList<>();
        inLoop = true;
        expressions.lookups().withLenience(false, () -> parts.add(bodyUntil(Set.of("endfor", "else"))));
        inLoop = before;
        expressions
                .lookups()
                .withLenience(
                        false, () -> parts.add(tokens.name().equals("else") ? body("endfor") : new Block(List.of())));
        return new Statement.For(target, iterable, condition, recursive, parts.get(0), parts.get(1));
    }

    /** One name or several, with parentheses or without; where allowed, an attribute of a namespace. */
    private Target target(boolean withNamespace) {
        List<Target> targets = new ArrayList<>();
        boolean several = false;
        while (true) {
            if (!targets.isEmpty()
                    && (tokens.isName("in")
                            || tokens.isOperator("=")
                            || tokens.isOperator(")")
                            || tokens.current().kind() == Kind.STATEMENT_END)) {
                break;
            }
            targets.add(oneTarget(withNamespace));
            if (!tokens.skipOperator(",")) {
                break;
            }
            several = true;
        }
        return several ? new Target.Names(targets) : targets.getFirst();
    }

    private Target oneTarget(boolean withNamespace) {
        if (tokens.skipOperator("(")) {
            tokens.enter();
            Target inner = target(withNamespace);
            tokens.leave();
            tokens.expectOperator(")");
            return inner;
        }
        Token token = tokens.current();
        String name = tokens.name();
        if (CONSTANTS.contains(name)) {
            throw new TemplateException("'" + name + "' cannot be assigned to").at(token.line());
        }
        if (withNamespace && tokens.skipOperator(".")) {
            return new Target.NamespaceAttribute(name, tokens.name());
        }
        return new Target.Name(name);
    }

    private Statement setStatement() {
        Target target = target(true);
        if (tokens.skipOperator("=")) {
            return new Statement.Assignment(target, expressions.tuple(true, false));
        }
        Statement.Captured input = new Statement.Captured();
        Expression filtered = expressions.filters(input, false);
        return new Statement.BlockAssignment(target, insideBlock("endset"), input, filtered);
    }

    private Block insideBlock(String end) {
        List<Block> body = new ArrayList<>(1);
        expressions.lookups().withLenience(false, () -> body.add(body(end)));
        return body.getFirst();
    }

    private Statement filterBlock() {
        Statement.Captured input = new Statement.Captured();
        Expression filtered = expressions.filters(input, true);
        return new Statement.FilterBlock(insideBlock("endfilter"), input, filtered);
    }

    private Statement with() {
        List<Target> targets = new ArrayList<>();
        List<Expression> values = new ArrayList<>();
        while (tokens.current().kind() != Kind.STATEMENT_END) {
            if (!targets.isEmpty()) {
                tokens.expectOperator(",");
            }
            targets.add(oneTarget(false));
            tokens.expectOperator("=");
            values.add(expressions.expression());
        }
        return new Statement.With(targets, values, insideBlock("endwith"));
    }

    private Statement print() {
        List<Located> values = new ArrayList<>();
        while (tokens.current().kind() != Kind.STATEMENT_END) {
            if (!values.isEmpty()) {
                tokens.expectOperator(",");
            }
            values.add(new Located(
                    new Statement.Print(expressions.expression()),
                    tokens.current().line()));
        }
        return new Block(values);
    }

    private Statement macro() {
        return new Statement.MacroDefinition(definition(tokens.name(), "endmacro", true));
    }

    private Macro.Definition definition(String name, String end, boolean withSignature) {
        List<String> parameters = new ArrayList<>();
        List<Expression> defaults = new ArrayList<>();
        if (withSignature) {
            signature(parameters, defaults);
        }
        return definition(name, end, parameters, defaults);
    }

    private Macro.Definition definition(String name, String end, List<String> parameters, List<Expression> defaults) {
        List<Block> body = new ArrayList<>(1);
        Set<String> names = expressions.lookups().namesWithin(() -> body.add(outsideOfLoops(() -> body(end))));
        return new Macro.Definition(
                name,
                List.copyOf(parameters),
                List.copyOf(defaults),
                body.getFirst(),
                names.contains("caller") && !parameters.contains("caller"),
                names.contains("varargs") && !parameters.contains("varargs"),
                names.contains("kwargs") && !parameters.contains("kwargs"));
    }

    private void signature(List<String> parameters, List<Expression> defaults) {
        tokens.expectOperator("(");
        while (!tokens.skipOperator(")")) {
            if (!parameters.isEmpty()) {
                tokens.expectOperator(",");
            }
            Token token = tokens.current();
            parameters.add(tokens.name());
            if (tokens.skipOperator("=")) {
                defaults.add(expressions.expression());
            } else if (!defaults.isEmpty()) {
                throw new TemplateException("a parameter without a default follows one that has one").at(token.line());
            }
        }
    }

    private Statement callBlock() {
        List<String> parameters = new ArrayList<>();
        List<Expression> defaults = new ArrayList<>();
        if (tokens.isOperator("(")) {
            signature(parameters, defaults);
        }
        if (!(expressions.expression() instanceof Expression.Call call)) {
            throw tokens.unexpected("a call");
        }
        return new Statement.CallBlock(call, definition("caller", "endcall", parameters, defaults));
    }
}

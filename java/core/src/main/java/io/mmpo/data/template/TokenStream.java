package io.mmpo.data.template;

import io.mmpo.data.template.Token.Kind;
import java.util.List;

/** Tokens one after another, with a look at the next one. */
final class TokenStream {
    static final int MAX_NESTING = 100;

    private final List<Token> tokens;
    private int position;
    private int nesting;

    TokenStream(List<Token> tokens) {
        this.tokens = tokens;
    }

    /** Around what may hold what is like it: an expression, a block. The depth is bounded. */
    void enter() {
        if (++nesting > MAX_NESTING) {
            throw new TemplateException("it is nested deeper than " + MAX_NESTING + " levels")
                    .at(current().line());
        }
    }

    void leave() {
        nesting--;
    }

    Token current() {
        return tokens.get(position);
    }

    Token look() {
        return tokens.get(Math.min(position + 1, tokens.size() - 1));
    }

    Token next() {
        Token token = current();
        position = Math.min(position + 1, tokens.size() - 1);
        return token;
    }

    boolean isOperator(String operator) {
        return current().isOperator(operator);
    }

    boolean isName(String name) {
        return current().isName(name);
    }

    boolean skipOperator(String operator) {
        boolean found = isOperator(operator);
        if (found) {
            next();
        }
        return found;
    }

    boolean skipName(String name) {
        boolean found = isName(name);
        if (found) {
            next();
        }
        return found;
    }

    void expectOperator(String operator) {
        if (!skipOperator(operator)) {
            throw unexpected("'" + operator + "'");
        }
    }

    void expectName(String name) {
        if (!skipName(name)) {
            throw unexpected("'" + name + "'");
        }
    }

    String name() {
        return (String) expect(Kind.NAME, "a name").value();
    }

    Token expect(Kind kind, String wanted) {
        if (current().kind() != kind) {
            throw unexpected(wanted);
        }
        return next();
    }

    TemplateException unexpected(String wanted) {
        return new TemplateException(wanted + " is wanted, found " + current().described())
                .at(current().line());
    }
}

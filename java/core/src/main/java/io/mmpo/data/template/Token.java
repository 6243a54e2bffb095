package io.mmpo.data.template;

/**
 * A piece of a template.
 *
 * @param value the text of DATA, NAME, STRING (its escapes resolved) and OPERATOR, the number of INTEGER and FLOAT
 * @param line from 1
 */
record Token(Kind kind, Object value, int line) {
    enum Kind {
        DATA,
        EXPRESSION_BEGIN,
        EXPRESSION_END,
        STATEMENT_BEGIN,
        STATEMENT_END,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean is(Kind wanted, String text) {
        return kind == wanted && value.equals(text);
    }

    boolean isName(String name) {
        return is(Kind.NAME, name);
    }

    boolean isOperator(String operator) {
        return is(Kind.OPERATOR, operator);
    }

    String described() {
        return switch (kind) {
            case DATA -> "text";
            case EXPRESSION_BEGIN -> "'{{'";
            case EXPRESSION_END -> "'}}'";
            case STATEMENT_BEGIN -> "'{%'";
            case STATEMENT_END -> "'%}'";
            case STRING -> "a string";
            case END -> "the end of the template";
            case NAME, INTEGER, FLOAT, OPERATOR -> "'" + TemplateException.excerpt(String.valueOf(value)) + "'";
        };
    }
}

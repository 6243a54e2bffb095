package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Rewrites the code inside {@code {{ }}} and {@code {% %}} from Jinja2's grammar into jinjava's, token by token. */
final class JinjaCode {
    private static final Set<String> END_OF_OPERAND = Set.of("and", "or", "if", "else", ",", ":", ")", "]", "}");

    /** Filter that {@code [::-1]} becomes. */
    static final String REVERSED = "__reversed__";

    private JinjaCode() {}

    /** A {@code for} clause: {@code for targets in iterable if condition}; condition is null where there is none. */
    record ForClause(List<String> targets, String iterable, String condition) {}

    static String rewrite(String code) {
        return join(rewriteTokens(tokens(code)));
    }

    /** A statement keeps its keyword, which is no part of an expression. */
    static String rewriteStatement(String code) {
        int end = 0;
        while (end < code.length() && Character.isJavaIdentifierPart(code.charAt(end))) {
            end++;
        }
        return code.substring(0, end) + " " + rewrite(code.substring(end));
    }

    /** Splits the rewritten text after {@code for}. */
    static ForClause forClause(String clause) {
        List<String> tokens = tokens(clause);
        int in = topLevel(tokens, 0, "in");
        if (in < 0) {
            throw new TemplateException("'for" + clause + "' has no 'in'");
        }
        List<String> targets = tokens.subList(0, in).stream()
                .filter(token -> Character.isJavaIdentifierStart(token.charAt(0)))
                .toList();
        int condition = topLevel(tokens, in, "if");
        if (condition >= 0 && topLevel(tokens, condition, "else") >= 0) {
            condition = -1; // a conditional expression is iterated over
        }
        String iterable = join(tokens.subList(in + 1, condition < 0 ? tokens.size() : condition));
        return new ForClause(
                targets, iterable, condition < 0 ? null : join(tokens.subList(condition + 1, tokens.size())));
    }

    /** A string literal of jinjava's expression language. */
    static String quote(String text) {
        StringBuilder out = new StringBuilder(text.length() + 2).append('\'');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '\\' -> out.append("\\\\");
                case '\'' -> out.append("\\'");
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                default -> out.append(c);
            }
        }
        return out.append('\'').toString();
    }

    /** The index of the closing quote; -1 if there is none. */
    static int endOfString(String code, int open) {
        char quote = code.charAt(open);
        for (int i = open + 1; i < code.length(); i++) {
            char c = code.charAt(i);
            if (c == '\\') {
                i++;
            } else if (c == quote) {
                return i;
            }
        }
        return -1;
    }

    /** Strings (with their quotes), words, numbers and single other characters; white space only separates. */
    private static List<String> tokens(String code) {
        List<String> tokens = new ArrayList<>();
        int i = 0;
        while (i < code.length()) {
            int end = tokenEnd(code, i);
            if (!Character.isWhitespace(code.charAt(i))) {
                tokens.add(code.substring(i, end));
            }
            i = end;
        }
        return tokens;
    }

    private static int tokenEnd(String code, int start) {
        char c = code.charAt(start);
        int end = start + 1;
        if (c == '\'' || c == '"') {
            int close = endOfString(code, start);
            if (close < 0) {
                throw new TemplateException("a string is not closed: " + code.substring(start));
            }
            return close + 1;
        }
        if (Character.isDigit(c)) {
            while (end < code.length() && (Character.isDigit(code.charAt(end)) || isDecimalPoint(code, end))) {
                end++;
            }
            return end;
        }
        if (Character.isJavaIdentifierStart(c)) {
            while (end < code.length() && Character.isJavaIdentifierPart(code.charAt(end))) {
                end++;
            }
            return end;
        }
        boolean pair = end < code.length()
                && Set.of("==", "!=", "<=", ">=", "//", "**").contains(code.substring(start, end + 1));
        return pair ? end + 1 : end;
    }

    private static boolean isDecimalPoint(String code, int index) {
        return code.charAt(index) == '.' && index + 1 < code.length() && Character.isDigit(code.charAt(index + 1));
    }

    private static List<String> rewriteTokens(List<String> tokens) {
        List<String> out = new ArrayList<>();
        for (int i = 0; i < tokens.size(); i++) {
            String token = tokens.get(i);
            if (token.startsWith("'") || token.startsWith("\"")) {
                out.add(quote(unescape(token.substring(1, token.length() - 1))));
            } else if (isReversal(tokens, i)) {
                out.add("|");
                out.add(REVERSED);
                i += 5;
            } else if (token.equals("not") && isNegation(tokens, i)) {
                // jinjava binds 'not' tighter than 'in' and 'is'
                int end = endOfOperand(tokens, i + 1);
                out.add("not");
                out.add("(");
                out.addAll(rewriteTokens(tokens.subList(i + 1, end)));
                out.add(")");
                i = end - 1;
            } else {
                out.add(token);
            }
        }
        return out;
    }

    private static boolean isReversal(List<String> tokens, int index) {
        return index + 6 <= tokens.size()
                && tokens.subList(index, index + 6).equals(List.of("[", ":", ":", "-", "1", "]"));
    }

    /** Not the second half of {@code is not}, nor the first of {@code not in}. */
    private static boolean isNegation(List<String> tokens, int index) {
        boolean afterIs = index > 0 && tokens.get(index - 1).equals("is");
        boolean beforeIn = index + 1 < tokens.size() && tokens.get(index + 1).equals("in");
        return !afterIs && !beforeIn;
    }

    private static int endOfOperand(List<String> tokens, int from) {
        int depth = 0;
        for (int i = from; i < tokens.size(); i++) {
            String token = tokens.get(i);
            if (depth == 0 && END_OF_OPERAND.contains(token)) {
                return i;
            }
            depth += nesting(token);
        }
        return tokens.size();
    }

    private static int topLevel(List<String> tokens, int from, String wanted) {
        int depth = 0;
        for (int i = from; i < tokens.size(); i++) {
            if (depth == 0 && tokens.get(i).equals(wanted)) {
                return i;
            }
            depth += nesting(tokens.get(i));
        }
        return -1;
    }

    private static int nesting(String token) {
        return switch (token) {
            case "(", "[", "{" -> 1;
            case ")", "]", "}" -> -1;
            default -> 0;
        };
    }

    /** A space between tokens keeps two closing braces of a dict from ending the expression. */
    private static String join(List<String> tokens) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < tokens.size(); i++) {
            boolean tight = i == 0
                    || ".".equals(tokens.get(i))
                    || ".".equals(tokens.get(i - 1))
                    || tokens.get(i).equals("(");
            out.append(tight ? "" : " ").append(tokens.get(i));
        }
        return out.toString();
    }

    /** Python's escapes; an unknown one stays as it is. */
    private static String unescape(String text) {
        if (text.indexOf('\\') < 0) {
            return text;
        }
        StringBuilder out = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c != '\\' || i + 1 == text.length()) {
                out.append(c);
                continue;
            }
            char escape = text.charAt(++i);
            int digits = "xuU".indexOf(escape) < 0 ? 0 : escape == 'x' ? 2 : escape == 'u' ? 4 : 8;
            int simple = "\\'\"ntrbfav0".indexOf(escape);
            if (digits > 0 && i + digits < text.length()) {
                out.appendCodePoint(codePoint(text.substring(i + 1, i + 1 + digits)));
                i += digits;
            } else if (simple >= 0) {
                out.append("\\'\"\n\t\r\b\f\u0007\u000b\0".charAt(simple));
            } else if (escape != '\n') { // an escaped line end joins two lines
                out.append('\\').append(escape);
            }
        }
        return out.toString();
    }

    private static int codePoint(String hex) {
        try {
            int value = Integer.parseInt(hex, 16);
            if (Character.isValidCodePoint(value)) {
                return value;
            }
        } catch (NumberFormatException e) {
            // reported below, with values that are no code point
        }
        throw new TemplateException("the escape \\" + hex + " is no character");
    }
}

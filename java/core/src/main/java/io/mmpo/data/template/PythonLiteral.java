package io.mmpo.data.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What Python's ast.literal_eval reads: texts, numbers, lists, tuples, mappings, True, False and None, and nothing that computes. */
public final class PythonLiteral {
    private static final int MAX_DEPTH = 100;
    private static final Pattern NUMBER = Pattern.compile("[+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?");
    private static final Pattern NAME = Pattern.compile("[A-Za-z_]+");

    private final String text;
    private int position;

    private PythonLiteral(String text) {
        this.text = text;
    }

    /**
     * The value: String, Long, BigInteger, Double, Boolean, List, Map or null.
     *
     * @throws TemplateException if the text is no literal
     */
    public static Object parse(String text) {
        PythonLiteral literal = new PythonLiteral(text);
        Object value = literal.value(0);
        literal.skipSpace();
        if (literal.position < text.length()) {
            throw literal.unexpected("the end");
        }
        return value;
    }

    private Object value(int depth) {
        if (depth > MAX_DEPTH) {
            throw new TemplateException("a value is nested deeper than " + MAX_DEPTH + " levels");
        }
        skipSpace();
        return switch (peek()) {
            case '[' -> elements(']', depth);
            case '(' -> tuple(depth);
            case '{' -> mapping(depth);
            case '\'', '"' -> texts();
            default -> word();
        };
    }

    private List<Object> elements(char close, int depth) {
        position++;
        List<Object> elements = new ArrayList<>();
        while (!skip(close)) {
            elements.add(value(depth + 1));
            RenderLimits.item(elements.size());
            if (!skip(',')) {
                expect(close);
                break;
            }
        }
        return elements;
    }

    /** One value in parentheses is itself, unless a comma follows it. */
    private Object tuple(int depth) {
        int open = position;
        List<Object> elements = elements(')', depth);
        int last = position - 2;
        while (last > open && Character.isWhitespace(text.charAt(last))) {
            last--;
        }
        return elements.size() == 1 && text.charAt(last) != ',' ? elements.getFirst() : new PythonTuple(elements);
    }

    private Map<Object, Object> mapping(int depth) {
        position++;
        Map<Object, Object> map = new LinkedHashMap<>();
        while (!skip('}')) {
            Object key = value(depth + 1);
            expect(':');
            map.put(key, value(depth + 1));
            RenderLimits.item(map.size());
            if (!skip(',')) {
                expect('}');
                break;
            }
        }
        return map;
    }

    /** Texts that follow each other are one. */
    private String texts() {
        StringBuilder all = new StringBuilder();
        while (position < text.length() && (peek() == '\'' || peek() == '"')) {
            char quote = peek();
            int begin = ++position;
            while (peek() != quote) {
                position += peek() == '\\' ? 2 : 1;
            }
            all.append(StringEscapes.resolve(text.substring(begin, position++)));
            skipSpace();
        }
        return all.toString();
    }

    private Object word() {
        Matcher number = NUMBER.matcher(text).region(position, text.length());
        if (number.lookingAt()) {
            position = number.end();
            return number(number.group());
        }
        Matcher name = NAME.matcher(text).region(position, text.length());
        String word = name.lookingAt() ? name.group() : "";
        position += word.length();
        return switch (word) {
            case "None" -> null;
            case "True" -> true;
            case "False" -> false;
            default -> {
                position -= word.length();
                throw unexpected("a text, a number, a list, a tuple, a mapping, True, False or None");
            }
        };
    }

    private static Object number(String digits) {
        if (!digits.matches("[+-]?\\d+")) {
            return Double.parseDouble(digits);
        }
        BigInteger value = new BigInteger(digits);
        return value.bitLength() < Long.SIZE ? (Object) value.longValue() : value;
    }

    private char peek() {
        if (position >= text.length()) {
            throw unexpected("more");
        }
        return text.charAt(position);
    }

    private boolean skip(char c) {
        skipSpace();
        if (peek() != c) {
            return false;
        }
        position++;
        return true;
    }

    private void expect(char c) {
        if (!skip(c)) {
            throw unexpected("'" + c + "'");
        }
    }

    private void skipSpace() {
        while (position < text.length() && Character.isWhitespace(text.charAt(position))) {
            position++;
        }
    }

    private TemplateException unexpected(String wanted) {
        String found = position >= text.length()
                ? "its end"
                : "'" + TemplateException.excerpt(text.substring(position, Math.min(text.length(), position + 20)))
                        + "'";
        return new TemplateException(
                "a Python literal is wanted, but where " + wanted + " should stand it has " + found);
    }
}

package io.mmpo.data.template;

import io.mmpo.data.template.Token.Kind;
import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a template into tokens as Jinja2 does in an environment: for chat templates trim_blocks and lstrip_blocks are on and the last
 * line end is dropped. Every line end is {@code \n}. Comments and raw blocks are resolved here.
 */
final class TemplateLexer {
    /** Python reads no longer number from text. */
    private static final int MAX_DIGITS = 4300;

    private static final Pattern FLOAT =
            Pattern.compile("(?<!\\.)\\d[\\d_]*+(?:(?:\\.\\d[\\d_]*+)?[eE][+-]?\\d[\\d_]*+|\\.\\d[\\d_]*+)");
    private static final Pattern INTEGER =
            Pattern.compile("0[bB][_01]++|0[oO][_0-7]++|0[xX][_\\da-fA-F]++|[1-9][_\\d]*+|0[_0]*+");
    private static final Set<String> PAIRS = Set.of("//", "**", "==", "!=", ">=", "<=");
    private static final String SINGLES = "+-/*%~[](){}><=.:|,;";

    private final String source;
    private final boolean trims;
    private final List<Token> tokens = new ArrayList<>();
    private int position;
    private int line = 1;
    private int countedTo;
    /** What was read last ended a line, so that white space before a block may be dropped. */
    private boolean atLineStart = true;

    private TemplateLexer(String source, boolean trims) {
        this.source = source;
        this.trims = trims;
    }

    static List<Token> tokens(String template, JinjaEnvironment environment) {
        boolean trims = environment == JinjaEnvironment.CHAT;
        String source = normalized(template);
        if (trims && source.endsWith("\n")) {
            source = source.substring(0, source.length() - 1);
        }
        TemplateLexer lexer = new TemplateLexer(source, trims);
        lexer.run();
        lexer.add(Kind.END, "");
        return lexer.tokens;
    }

    private static String normalized(String text) {
        return text.replace("\r\n", "\n").replace('\r', '\n');
    }

    private void run() {
        while (position < source.length()) {
            int open = opening(position);
            if (open < 0) {
                addData(source.substring(position));
                return;
            }
            addData(textBefore(open));
            char second = source.charAt(open + 1);
            int begin = open + 2;
            boolean signed = begin < source.length() && "-+".indexOf(source.charAt(begin)) >= 0;
            position = signed ? begin + 1 : begin;
            switch (second) {
                case '#' -> skipComment(open);
                case '{' -> code(Kind.EXPRESSION_BEGIN, Kind.EXPRESSION_END, "}}", open);
                default -> {
                    if (!raw(open)) {
                        code(Kind.STATEMENT_BEGIN, Kind.STATEMENT_END, "%}", open);
                    }
                }
            }
            atLineStart = source.charAt(position - 1) == '\n';
        }
    }

    private int opening(int from) {
        for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            if ("{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return -1;
    }

    /** Text up to a tag: its end goes with {@code -}, or where only white space stands between line start and block. */
    private String textBefore(int open) {
        String text = source.substring(position, open);
        char sign = open + 2 < source.length() ? source.charAt(open + 2) : 0;
        if (sign == '-') {
            return PythonText.strip(text, PythonText::isSpace, false, true);
        }
        if (sign == '+' || !trims || source.charAt(open + 1) == '{') {
            return text;
        }
        int start = text.lastIndexOf('\n') + 1;
        boolean onlySpace = text.substring(start).codePoints().allMatch(PythonText::isSpace);
        return (start > 0 || atLineStart) && start < text.length() && onlySpace ? text.substring(0, start) : text;
    }

    private void addData(String text) {
        if (!text.isEmpty()) {
            add(Kind.DATA, text);
        }
    }

    private void add(Kind kind, Object value) {
        for (; countedTo < Math.min(position, source.length()); countedTo++) {
            line += source.charAt(countedTo) == '\n' ? 1 : 0;
        }
        tokens.add(new Token(kind, value, line));
    }

    /** Behind a closing delimiter: {@code -} takes all white space along, a block one line end. */
    private void closeAt(int delimiter, char sign, boolean block) {
        position = delimiter + 2;
        if (sign == '-') {
            position = afterSpace(position);
        } else if (trims && block && sign != '+' && position < source.length() && source.charAt(position) == '\n') {
            position++;
        }
    }

    private int afterSpace(int from) {
        int i = from;
        while (i < source.length() && PythonText.isSpace(source.charAt(i))) {
            i++;
        }
        return i;
    }

    private void skipComment(int open) {
        int close = source.indexOf("#}", position);
        if (close < 0 && position == source.length()) {
            return; // a comment of nothing at the very end needs no end in Jinja2
        }
        if (close < 0) {
            throw unclosed(open);
        }
        closeAt(close, close > position ? source.charAt(close - 1) : 0, true);
    }

    private TemplateException unclosed(int open) {
        position = open;
        add(Kind.END, "");
        return new TemplateException("'" + source.substring(open, open + 2) + "' is not closed").at(line);
    }

    /** Everything up to endraw is text; false if this is no raw block. */
    private boolean raw(int open) {
        int word = afterSpace(position);
        if (!source.startsWith("raw", word)) {
            return false;
        }
        int close = afterSpace(word + 3);
        boolean stripped = source.startsWith("-%}", close);
        if (!stripped && !source.startsWith("%}", close)) {
            return false;
        }
        position = stripped ? afterSpace(close + 3) : close + 2;
        int begin = position;
        for (int end = source.indexOf("{%", begin); end >= 0; end = source.indexOf("{%", end + 2)) {
            boolean signed = end + 2 < source.length() && "-+".indexOf(source.charAt(end + 2)) >= 0;
            int name = afterSpace(signed ? end + 3 : end + 2);
            int last = source.startsWith("endraw", name) ? afterSpace(name + 6) : -1;
            char sign = last >= 0 && last < source.length() ? source.charAt(last) : 0;
            int delimiter = sign == '-' || sign == '+' ? last + 1 : last;
            if (last >= 0 && source.startsWith("%}", delimiter)) {
                atLineStart = source.charAt(begin - 1) == '\n';
                addData(textBefore(end));
                closeAt(delimiter, sign, true);
                return true;
            }
        }
        throw unclosed(open);
    }

    private void code(Kind begin, Kind end, String delimiter, int open) {
        add(begin, "");
        Deque<Character> brackets = new ArrayDeque<>();
        while (true) {
            position = afterSpace(position);
            if (position >= source.length()) {
                throw unclosed(open);
            }
            char c = source.charAt(position);
            boolean signed = c == '-' || (c == '+' && end == Kind.STATEMENT_END);
            if (brackets.isEmpty() && source.startsWith(delimiter, signed ? position + 1 : position)) {
                add(end, "");
                closeAt(signed ? position + 1 : position, signed ? c : 0, end == Kind.STATEMENT_END);
                return;
            }
            next(c, brackets);
        }
    }

    private void next(char c, Deque<Character> brackets) {
        if (c == '\'' || c == '"') {
            string(c);
        } else if (!number() && !name()) {
            String pair = source.substring(position, Math.min(source.length(), position + 2));
            if (PAIRS.contains(pair)) {
                add(Kind.OPERATOR, pair);
                position += 2;
            } else if (SINGLES.indexOf(c) >= 0) {
                balance(c, brackets);
                add(Kind.OPERATOR, String.valueOf(c));
                position++;
            } else {
                add(Kind.END, "");
                throw new TemplateException("the character '" + Character.toString(source.codePointAt(position))
                                + "' has no meaning there")
                        .at(line);
            }
        }
    }

    private void balance(char c, Deque<Character> brackets) {
        int opening = "([{".indexOf(c);
        if (opening >= 0) {
            brackets.push(")]}".charAt(opening));
        } else if (")]}".indexOf(c) >= 0 && (brackets.isEmpty() || brackets.pop() != c)) {
            add(Kind.END, "");
            throw new TemplateException("'" + c + "' closes nothing").at(line);
        }
    }

    private void string(char quote) {
        int end = position + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            add(Kind.END, "");
            throw new TemplateException("a string is not closed").at(line);
        }
        add(Kind.STRING, StringEscapes.resolve(source.substring(position + 1, end)));
        position = end + 1;
    }

    private boolean number() {
        Matcher matcher = FLOAT.matcher(source).useTransparentBounds(true).region(position, source.length());
        boolean isFloat = matcher.lookingAt();
        if (!isFloat && !matcher.usePattern(INTEGER).lookingAt()) {
            return false;
        }
        String digits = matcher.group().replace("_", "");
        if (digits.length() > MAX_DIGITS) {
            throw new TemplateException(
                    "a number of " + digits.length() + " digits is over the limit of " + MAX_DIGITS);
        }
        if (isFloat) {
            add(Kind.FLOAT, Double.valueOf(digits));
        } else {
            add(Kind.INTEGER, PythonNumbers.integer(parse(digits)));
        }
        position = matcher.end();
        return true;
    }

    private static BigInteger parse(String digits) {
        int radix = digits.length() < 3
                ? 10
                : switch (Character.toLowerCase(digits.charAt(1))) {
                    case 'b' -> 2;
                    case 'o' -> 8;
                    case 'x' -> 16;
                    default -> 10;
                };
        return radix == 10 ? new BigInteger(digits) : new BigInteger(digits.substring(2), radix);
    }

    private boolean name() {
        int end = position;
        while (end < source.length() && isWord(source.codePointAt(end))) {
            end += Character.charCount(source.codePointAt(end));
        }
        if (end == position) {
            return false;
        }
        String name = source.substring(position, end);
        if (!Character.isUnicodeIdentifierStart(name.codePointAt(0)) && name.charAt(0) != '_') {
            throw new TemplateException("'" + TemplateException.excerpt(name) + "' is no name");
        }
        add(Kind.NAME, name);
        position = end;
        return true;
    }

    private static boolean isWord(int c) {
        return Character.isLetterOrDigit(c) || c == '_';
    }
}

package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.List;

/**
 * Rewrites a Jinja2 template, as transformers runs it (trim_blocks and lstrip_blocks on), into one that jinjava renders to the
 * same text. Where jinjava differs, the template is made explicit: whitespace control is applied here and every piece of text
 * becomes a quoted literal; comments and raw blocks are resolved; statements go through {@link JinjaCode}.
 */
final class JinjaSource {
    private enum Kind {
        TEXT,
        STATEMENT,
        EXPRESSION,
        COMMENT
    }

    /** opening and closing hold the whitespace sign beside the delimiter: '-', '+' or 0. */
    private record Piece(Kind kind, String content, char opening, char closing) {
        static Piece text(String content) {
            return new Piece(Kind.TEXT, content, (char) 0, (char) 0);
        }

        /** What trim_blocks and lstrip_blocks are about. */
        boolean isBlock() {
            return kind == Kind.STATEMENT || kind == Kind.COMMENT;
        }
    }

    private final String source;
    private int position;

    private JinjaSource(String source) {
        this.source = source;
    }

    static String rewrite(String template) {
        String source = template.replace("\r\n", "\n").replace('\r', '\n');
        if (source.endsWith("\n")) {
            source = source.substring(0, source.length() - 1); // keep_trailing_newline is off
        }
        return emit(new JinjaSource(source).pieces());
    }

    private List<Piece> pieces() {
        List<Piece> pieces = new ArrayList<>();
        while (position < source.length()) {
            int open = nextOpening(position);
            if (open < 0) {
                pieces.add(Piece.text(source.substring(position)));
                break;
            }
            if (open > position) {
                pieces.add(Piece.text(source.substring(position, open)));
            }
            Piece piece = delimited(open);
            pieces.add(piece);
            if (piece.kind() == Kind.STATEMENT && piece.content().strip().equals("raw")) {
                addRaw(pieces);
            }
        }
        return pieces;
    }

    private int nextOpening(int from) {
        for (int i = source.indexOf('{', from); i >= 0 && i + 1 < source.length(); i = source.indexOf('{', i + 1)) {
            if ("{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return -1;
    }

    private Piece delimited(int open) {
        char second = source.charAt(open + 1);
        Kind kind = second == '{' ? Kind.EXPRESSION : second == '%' ? Kind.STATEMENT : Kind.COMMENT;
        String end = kind == Kind.EXPRESSION ? "}}" : second + "}";
        int begin = open + 2;
        char opening = signAt(begin);
        int close = kind == Kind.COMMENT ? source.indexOf(end, begin) : endOfCode(begin, end);
        if (close < 0) {
            throw new TemplateException(
                    "'" + source.substring(open, open + 2) + "' on line " + lineOf(open) + " is not closed");
        }
        char closing = close > begin ? signAt(close - 1) : 0;
        position = close + 2;
        int from = Math.min(close, opening == 0 ? begin : begin + 1);
        String content = source.substring(from, Math.max(from, closing == 0 ? close : close - 1));
        return new Piece(kind, content, opening, closing);
    }

    private char signAt(int index) {
        char c = index < source.length() ? source.charAt(index) : 0;
        return c == '-' || c == '+' ? c : 0;
    }

    /** The delimiter's position, outside strings and outside braces of a dict literal; -1 if it is missing. */
    private int endOfCode(int from, String end) {
        int depth = 0;
        for (int i = from; i < source.length(); i++) {
            char c = source.charAt(i);
            if (c == '\'' || c == '"') {
                i = JinjaCode.endOfString(source, i);
                if (i < 0) {
                    return -1;
                }
            } else if (depth == 0 && source.startsWith(end, i)) {
                return i;
            } else if (c == '{') {
                depth++;
            } else if (c == '}') {
                depth--;
            }
        }
        return -1;
    }

    /** Everything up to endraw is text. */
    private void addRaw(List<Piece> pieces) {
        int from = position;
        for (int open = source.indexOf("{%", from); open >= 0; open = source.indexOf("{%", open + 2)) {
            int begin = signAt(open + 2) == 0 ? open + 2 : open + 3;
            int close = source.indexOf("%}", begin);
            String content = close < 0 ? "" : source.substring(begin, close);
            if (content.replaceAll("[-+]$", "").strip().equals("endraw")) {
                pieces.add(Piece.text(source.substring(from, open)));
                position = open;
                pieces.add(delimited(open));
                return;
            }
        }
        throw new TemplateException("'{% raw %}' on line " + lineOf(from) + " is not closed");
    }

    private int lineOf(int index) {
        return 1
                + (int) source.substring(0, index)
                        .chars()
                        .filter(c -> c == '\n')
                        .count();
    }

    private static String emit(List<Piece> pieces) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < pieces.size(); i++) {
            Piece piece = pieces.get(i);
            switch (piece.kind()) {
                case TEXT -> emitText(out, trimmed(pieces, i));
                case EXPRESSION ->
                    out.append("{{ ").append(JinjaCode.rewrite(piece.content())).append(" }}");
                case STATEMENT -> emitStatement(out, piece.content());
                case COMMENT -> {}
            }
        }
        return out.toString();
    }

    private static void emitText(StringBuilder out, String text) {
        if (!text.isEmpty()) {
            out.append("{{ ").append(JinjaCode.quote(text)).append(" }}");
        }
    }

    private static void emitStatement(StringBuilder out, String content) {
        String code = content.strip();
        if (!code.equals("raw") && !code.equals("endraw")) {
            out.append("{% ").append(JinjaCode.rewriteStatement(code)).append(" %}");
        }
    }

    /** Text as Jinja2's lexer leaves it between its neighbours. */
    private static String trimmed(List<Piece> pieces, int index) {
        String text = pieces.get(index).content();
        boolean lineStart = index == 0;
        if (index > 0) {
            Piece before = pieces.get(index - 1);
            if (before.closing() == '-') {
                text = text.stripLeading();
            } else if (before.isBlock() && before.closing() != '+' && text.startsWith("\n")) {
                text = text.substring(1);
                lineStart = true;
            }
        }
        if (index + 1 < pieces.size()) {
            Piece after = pieces.get(index + 1);
            if (after.opening() == '-') {
                text = text.stripTrailing();
            } else if (after.isBlock() && after.opening() != '+') {
                int line = text.lastIndexOf('\n') + 1;
                if ((line > 0 || lineStart) && text.substring(line).isBlank()) {
                    text = text.substring(0, line);
                }
            }
        }
        return text;
    }
}

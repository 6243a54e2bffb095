package io.mmpo.report;

import io.mmpo.PrintableText;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Set;

/**
 * Well-formed markup, of HTML and of SVG within it. Text and attributes come in through here alone and are escaped, whatever they
 * hold: names of runs, settings and answers of models are from outside.
 */
final class Markup {
    /** Elements that a line of the file ends after. */
    private static final Set<String> BLOCKS = Set.of(
            "section",
            "div",
            "table",
            "tr",
            "thead",
            "tbody",
            "p",
            "h1",
            "h2",
            "h3",
            "figure",
            "figcaption",
            "details",
            "summary",
            "svg",
            "ul",
            "li",
            "header",
            "main",
            "footer",
            "nav",
            "head",
            "body",
            "html",
            "style",
            "meta",
            "title",
            "polyline",
            "polygon",
            "circle",
            "text",
            "rect",
            "desc",
            "article");

    private final StringBuilder out = new StringBuilder();
    private final Deque<String> open = new ArrayDeque<>();

    /** attributes: names and values in turn; one without a value is left out. */
    Markup open(String tag, String... attributes) {
        begin(tag, attributes);
        out.append('>');
        open.push(tag);
        return this;
    }

    Markup close() {
        String tag = open.pop();
        out.append("</").append(tag).append('>').append(BLOCKS.contains(tag) ? "\n" : "");
        return this;
    }

    /** One that holds nothing. */
    Markup empty(String tag, String... attributes) {
        begin(tag, attributes);
        out.append("/>").append(BLOCKS.contains(tag) ? "\n" : "");
        return this;
    }

    Markup element(String tag, String text, String... attributes) {
        return open(tag, attributes).text(text).close();
    }

    Markup text(String text) {
        out.append(escaped(text));
        return this;
    }

    /** A style sheet of this program's own: in HTML nothing in it is escaped, so that in XML nothing in it may need to be. */
    Markup style(String css) {
        if (css.indexOf('<') >= 0 || css.indexOf('&') >= 0) {
            throw new IllegalArgumentException("a style sheet with < or & would not be the same in XML");
        }
        open("style");
        out.append(css);
        return close();
    }

    private void begin(String tag, String... attributes) {
        out.append('<').append(tag);
        for (int i = 0; i < attributes.length; i += 2) {
            if (!attributes[i + 1].isEmpty()) {
                out.append(' ')
                        .append(attributes[i])
                        .append("=\"")
                        .append(escaped(attributes[i + 1]))
                        .append('"');
            }
        }
    }

    /** Controls and marks that turn the order of letters around become escapes that are seen. */
    private static String escaped(String text) {
        return PrintableText.lines(text)
                .replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;");
    }

    /** What has been written. */
    @Override
    public String toString() {
        if (!open.isEmpty()) {
            throw new IllegalStateException("not closed: " + open);
        }
        return out.toString();
    }
}

package io.mmpo.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The pages of docs/, which the build puts into the jar. Their index, docs/README.md, says which there are. */
final class Pages {
    /** {@code | [topic](topic.md) | what it is about |}, as in the index. */
    private static final Pattern ENTRY = Pattern.compile("(?m)^\\| \\[[^]]+]\\(([a-z-]+)\\.md\\) \\| (.+) \\|$");

    private static final Pattern COMMENT = Pattern.compile("<!--.*?-->\n?", Pattern.DOTALL);
    /** A link to a page is a topic of this command; one to another place says where. */
    private static final Pattern LINK = Pattern.compile("\\[([^]]+)]\\(([^)]+)\\)");

    private Pages() {}

    /** What there is to read, by topic, in the index's order. */
    static Map<String, String> topics() {
        Map<String, String> topics = new LinkedHashMap<>();
        Matcher entry = ENTRY.matcher(read("README")
                .orElseThrow(() -> new IllegalStateException("the pages of docs/ are missing in this build")));
        while (entry.find()) {
            topics.put(entry.group(1), withoutLinks(entry.group(2)));
        }
        return topics;
    }

    /** A page as text for a terminal. */
    static Optional<String> text(String topic) {
        return topics().containsKey(topic) ? read(topic).map(Pages::forTerminal) : Optional.empty();
    }

    private static String forTerminal(String page) {
        return withoutLinks(COMMENT.matcher(page).replaceAll(""));
    }

    private static String withoutLinks(String text) {
        return LINK.matcher(text).replaceAll(link -> {
            boolean elsewhere = link.group(2).contains("://");
            return Matcher.quoteReplacement(elsewhere ? link.group(1) + " (" + link.group(2) + ")" : link.group(1));
        });
    }

    private static Optional<String> read(String page) {
        try (InputStream stream = Pages.class.getResourceAsStream("pages/" + page + ".md")) {
            return stream == null
                    ? Optional.empty()
                    : Optional.of(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

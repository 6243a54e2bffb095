package io.mmpo.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * docs/configuration.md as the declarations of keys give it. Between {@code <!-- begin NAME -->} and {@code <!-- end NAME -->} it is
 * made from them, and the rest is written by hand.
 */
final class ConfigurationPage {
    static final Path PATH = Path.of(System.getProperty("mmpo.root", "../..")).resolve("docs/configuration.md");

    private static final Pattern PART =
            Pattern.compile("(<!-- begin (\\w+) -->\n).*?(<!-- end \\2 -->)", Pattern.DOTALL);

    private ConfigurationPage() {}

    /** What the page has to be: its own text, with every part made anew. */
    static String expected() throws IOException {
        Map<String, String> parts = Map.of(
                "keys", keys(),
                "resuming", resuming(),
                "refused", refused(),
                "renamed", renamed(),
                "ignored", ignored());
        String page = Files.readString(PATH);
        for (String name : parts.keySet()) {
            if (!page.contains("<!-- begin " + name + " -->")) {
                throw new IllegalStateException(PATH + " has no part " + name);
            }
        }
        return PART.matcher(page)
                .replaceAll(part -> Matcher.quoteReplacement(part.group(1) + parts.get(part.group(2)) + part.group(3)));
    }

    private static String keys() {
        StringBuilder tables = new StringBuilder();
        for (Section section : ConfigKeys.SECTIONS) {
            tables.append("## ").append(section.title()).append("\n| key | default | meaning |\n|---|---|---|\n");
            for (ConfigKey<?> key : section.keys()) {
                tables.append("| `%s` | %s | %s |\n".formatted(key.name(), key.documentedDefault(), key.meaning()));
            }
            tables.append('\n');
        }
        return tables.toString();
    }

    private static String resuming() {
        return ConfigKeys.ALL.values().stream()
                .filter(ConfigKey::mayChangeOnResuming)
                .map(key -> "`" + key.name() + "`")
                .sorted()
                .collect(Collectors.joining(", ", "", ".\n"));
    }

    private static String refused() {
        Map<String, TreeSet<String>> rows = new TreeMap<>();
        ForeignKeys.ALL.forEach((key, rule) -> {
            if (rule instanceof ForeignRule.Limited limited) {
                enter(rows, key, accepted(limited) + " | " + limited.mend());
            }
        });
        return table("| keys | accepted | otherwise |\n|---|---|---|\n", rows);
    }

    private static String renamed() {
        Map<String, TreeSet<String>> rows = new TreeMap<>();
        ForeignKeys.ALL.forEach((key, rule) -> {
            if (rule instanceof ForeignRule.Renamed name) {
                enter(rows, key, name.mend());
            }
        });
        return table("| keys | what to do |\n|---|---|\n", rows);
    }

    private static String ignored() {
        Map<String, TreeSet<String>> rows = new TreeMap<>();
        ForeignKeys.ALL.forEach((key, rule) -> {
            if (rule instanceof ForeignRule.Ignored nothing) {
                enter(rows, key, nothing.why());
            }
        });
        return table("| keys | why |\n|---|---|\n", rows);
    }

    private static void enter(Map<String, TreeSet<String>> rows, String key, String row) {
        rows.computeIfAbsent(row, r -> new TreeSet<>()).add("`" + key + "`");
    }

    private static String table(String head, Map<String, TreeSet<String>> rows) {
        StringBuilder table = new StringBuilder(head);
        rows.forEach((row, keys) -> table.append("| %s | %s |\n".formatted(String.join(", ", keys), row)));
        return table.append('\n').toString();
    }

    private static String accepted(ForeignRule.Limited limited) {
        Stream<String> values = limited.accepted().stream().sorted().map(value -> "`" + value + "`");
        return Stream.concat(values, Stream.of("off")).collect(Collectors.joining(", "));
    }
}

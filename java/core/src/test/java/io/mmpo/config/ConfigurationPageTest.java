package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** docs/configuration.md and the code say the same: every key, default and meaning, in the same order. */
class ConfigurationPageTest {
    private static final Path PAGE =
            Path.of(System.getProperty("mmpo.root", "../..")).resolve("docs/configuration.md");

    @Test
    void listsEveryKeyWithItsDefaultAndMeaning() throws IOException {
        StringBuilder tables = new StringBuilder();
        ConfigKeys.SECTIONS.forEach((title, keys) -> {
            tables.append("## ").append(title).append("\n| key | default | meaning |\n|---|---|---|\n");
            for (ConfigKey key : keys) {
                tables.append("| `%s` | %s | %s |\n".formatted(key.name(), key.documentedDefault(), key.meaning()));
            }
            tables.append('\n');
        });
        assertThat(Files.readString(PAGE)).contains(tables);
    }

    @Test
    void listsEveryKeyThatIsRefusedRenamedOrMeansNothing() throws IOException {
        var limited = new TreeMap<String, TreeSet<String>>();
        var renamed = new TreeMap<String, TreeSet<String>>();
        var ignored = new TreeMap<String, TreeSet<String>>();
        ForeignKeys.ALL.forEach((key, rule) -> {
            switch (rule) {
                case ForeignKeys.Rule.Limited limit -> enter(limited, key, accepted(limit) + " | " + limit.mend());
                case ForeignKeys.Rule.Renamed name -> enter(renamed, key, name.mend());
                case ForeignKeys.Rule.Ignored ignore -> enter(ignored, key, ignore.why());
            }
        });
        assertThat(Files.readString(PAGE))
                .contains(table("| keys | accepted beside `null` | otherwise |\n|---|---|---|\n", limited))
                .contains(table("| keys | what to do |\n|---|---|\n", renamed))
                .contains(table("| keys | why |\n|---|---|\n", ignored));
    }

    private static void enter(Map<String, TreeSet<String>> rows, String key, String row) {
        rows.computeIfAbsent(row, r -> new TreeSet<>()).add("`" + key + "`");
    }

    private static String table(String head, Map<String, TreeSet<String>> rows) {
        StringBuilder table = new StringBuilder(head);
        rows.forEach((row, keys) -> table.append("| %s | %s |\n".formatted(String.join(", ", keys), row)));
        return table.toString();
    }

    @Test
    void listsEveryKeyThatMayChangeOnResuming() throws IOException {
        String keys =
                ConfigChange.FREE.stream().sorted().map(key -> "`" + key + "`").collect(Collectors.joining(", "));
        assertThat(Files.readString(PAGE).replaceAll("\\s+", " ")).contains(keys + ". Any other");
        assertThat(ConfigKeys.ALL.keySet()).containsAll(ConfigChange.FREE);
    }

    private static String accepted(ForeignKeys.Rule.Limited limited) {
        Stream<String> values = limited.accepted().stream().sorted().map(value -> "`" + value + "`");
        String all = Stream.concat(values, limited.off() ? Stream.of("off") : Stream.of())
                .collect(Collectors.joining(", "));
        return all.isEmpty() ? "nothing" : all;
    }
}

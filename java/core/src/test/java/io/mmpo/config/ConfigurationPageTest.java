package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
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
    void listsEveryKeyThatIsRefusedOrMeansNothing() throws IOException {
        StringBuilder tables = new StringBuilder("| keys | accepted | supported today |\n|---|---|---|\n");
        var refused = new TreeMap<String, TreeSet<String>>();
        ForeignKeys.restricted()
                .forEach((key, restricted) -> refused.computeIfAbsent(
                                accepted(restricted) + " | " + restricted.supported(), row -> new TreeSet<>())
                        .add("`" + key + "`"));
        refused.forEach((row, keys) -> tables.append("| %s | %s |\n".formatted(String.join(", ", keys), row)));
        assertThat(Files.readString(PAGE)).contains(tables);

        StringBuilder inert = new StringBuilder("| keys | why |\n|---|---|\n");
        var reasons = new TreeMap<String, TreeSet<String>>();
        ForeignKeys.inert()
                .forEach((key, reason) ->
                        reasons.computeIfAbsent(reason, r -> new TreeSet<>()).add("`" + key + "`"));
        reasons.forEach((reason, keys) -> inert.append("| %s | %s |\n".formatted(String.join(", ", keys), reason)));
        assertThat(Files.readString(PAGE)).contains(inert);
    }

    @Test
    void listsEveryKeyThatMayChangeOnResuming() throws IOException {
        String keys =
                ConfigChange.FREE.stream().sorted().map(key -> "`" + key + "`").collect(Collectors.joining(", "));
        assertThat(Files.readString(PAGE).replaceAll("\\s+", " ")).contains(keys + ". Any other");
        assertThat(ConfigKeys.ALL.keySet()).containsAll(ConfigChange.FREE);
    }

    private static String accepted(ForeignKeys.Restricted restricted) {
        List<String> values = restricted.accepted().stream()
                .sorted()
                .map(value -> "`" + value + "`")
                .toList();
        return values.isEmpty() ? "nothing" : String.join(", ", values);
    }
}

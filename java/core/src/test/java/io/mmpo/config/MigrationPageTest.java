package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/migration.md answers for every argument of the peers, and what it answers is what the configuration does. */
class MigrationPageTest {
    private static final Pattern NAME = Pattern.compile("`([a-z][a-z0-9_]*)`");

    @Test
    void trlsTablesAreWhatTheDeclarationsGive() throws IOException {
        String expected = MigrationPage.expected();
        if ("1".equals(System.getenv("MMPO_WRITE_PAGES"))) {
            Files.writeString(MigrationPage.PATH, expected);
        }
        assertThat(Files.readString(MigrationPage.PATH))
                .as("run this test with MMPO_WRITE_PAGES=1 in the environment, and the page is written")
                .isEqualTo(expected);
    }

    /** llama-factory-fields.json: the fields of the classes that its train command reads, by the version that it names. */
    @Test
    void everyArgumentOfLlamaFactoryIsAnswered() throws IOException {
        List<String> wanted = new ArrayList<>();
        MigrationPage.json("llama-factory-fields.json")
                .get("fields")
                .forEach(list -> list.forEach(field -> wanted.add(field.textValue())));
        List<String> answered = new ArrayList<>();
        for (String[] row : llamaFactoryRows()) {
            Matcher name = NAME.matcher(row[1]);
            while (name.find()) {
                answered.add(name.group(1));
            }
        }
        assertThat(wanted).hasSizeGreaterThan(180);
        assertThat(answered)
                .doesNotHaveDuplicates()
                .containsExactlyInAnyOrderElementsOf(wanted.stream().distinct().toList());
    }

    /** A key that an answer tells to write is one, and an argument that is said to be the same is one too. */
    @Test
    void whatLlamaFactorysUsersAreToldToWriteExists() throws IOException {
        for (String[] row : llamaFactoryRows()) {
            Matcher key = Pattern.compile("`([a-z][a-z0-9_]*)(?:: [^`]*)?`").matcher(row[2]);
            while (key.find()) {
                assertThat(ConfigKeys.named(key.group(1)))
                        .as("%s in the row of %s", key.group(1), row[1])
                        .isPresent();
            }
            if (row[2].strip().startsWith("the same")) {
                Matcher name = NAME.matcher(row[1]);
                while (name.find()) {
                    assertThat(ConfigKeys.named(name.group(1)).isPresent()
                                    || ForeignKeys.ALL.containsKey(name.group(1)))
                            .as(name.group(1))
                            .isTrue();
                }
            }
        }
    }

    private static List<String[]> llamaFactoryRows() throws IOException {
        String page = Files.readString(MigrationPage.PATH);
        return page.substring(page.indexOf("Every argument of LLaMA-Factory"))
                .lines()
                .filter(line -> line.startsWith("| `"))
                .map(line -> line.split("\\|"))
                .toList();
    }
}

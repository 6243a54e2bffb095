package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

/** docs/configuration.md and the declarations say the same: every key, default and meaning, in the same order. */
class ConfigurationPageTest {
    @Test
    void thePageIsWhatTheDeclarationsGive() throws IOException {
        String expected = ConfigurationPage.expected();
        if ("1".equals(System.getenv("MMPO_WRITE_PAGES"))) {
            Files.writeString(ConfigurationPage.PATH, expected);
        }
        assertThat(Files.readString(ConfigurationPage.PATH))
                .as("run this test with MMPO_WRITE_PAGES=1 in the environment, and the page is written")
                .isEqualTo(expected);
    }

    /** A declaration that a table would break, or that says nothing, is none. */
    @Test
    void everyKeyHasASentence() {
        assertThat(ConfigKeys.ALL.values())
                .hasSizeGreaterThan(60)
                .allSatisfy(key ->
                        assertThat(key.meaning()).as(key.name()).endsWith(".").doesNotContain("|", "\n"));
    }
}

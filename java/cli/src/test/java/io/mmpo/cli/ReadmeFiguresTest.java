package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;

/** A figure of README is one that a script of bench/ has measured. */
class ReadmeFiguresTest {
    @Test
    void theTableIsThatOfTheResults() throws IOException {
        String expected = ReadmeFigures.expected();
        if ("1".equals(System.getenv("MMPO_WRITE_PAGES"))) {
            Files.writeString(ReadmeFigures.PATH, expected);
        }
        assertThat(Files.readString(ReadmeFigures.PATH))
                .as("run this test with MMPO_WRITE_PAGES=1 in the environment, and the table is written")
                .isEqualTo(expected)
                .contains("pairs/s | ");
    }
}

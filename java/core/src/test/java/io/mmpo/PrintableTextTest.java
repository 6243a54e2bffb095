package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PrintableTextTest {
    @ParameterizedTest
    @CsvSource({
        "1b, \\u001b", // escape
        "9b, \\u009b", // its one-byte sibling
        "7f, \\u007f",
        "202e, \\u202e", // right-to-left override
        "2066, \\u2066",
        "200b, \\u200b", // zero-width space
        "feff, \\ufeff",
        "2028, \\u2028", // line separator
        "d800, \\ud800", // half a character
        "3164, \\u3164", // Hangul filler
        "e0041, \\U000e0041", // a tag, beyond 16 bits
        "a, \\n",
        "9, \\t",
    })
    void whatATerminalWouldObeyOrNotShowBecomesAnEscape(String hex, String escape) {
        String c = Character.toString(Integer.parseInt(hex, 16));
        assertThat(PrintableText.line("a" + c + "b")).isEqualTo("a" + escape + "b");
    }

    @Test
    void aPathIsOneWordOfACommand() {
        assertThat(PrintableText.shellWord(Path.of("out/run-1"))).isEqualTo("out/run-1");
        assertThat(PrintableText.shellWord(Path.of("my run"))).isEqualTo("'my run'");
        assertThat(PrintableText.shellWord(Path.of("it's $HOME"))).isEqualTo("'it'\\''s $HOME'");
    }

    @Test
    void lettersOfAnyScriptStay() {
        String text = "Größe 文字 عربي 😀 'quoted' \\n";
        assertThat(PrintableText.line(text)).isEqualTo(text);
        assertThat(PrintableText.lines("one\n\ttwo\u001b")).isEqualTo("one\n\ttwo\\u001b");
    }

    @Test
    void aVeryLongWordIsCutWithItsLength() {
        String seed = "7".repeat(20_000);
        assertThat(PrintableText.paragraph("seed must fit\n  64 bits, got " + seed))
                .isEqualTo("seed must fit 64 bits, got " + "7".repeat(80) + "… (20,000 characters)");
        String path = "/a/" + "b".repeat(250) + "/" + "c".repeat(250);
        assertThat(PrintableText.paragraph(path + " is no file")).isEqualTo(path + " is no file");
        assertThat(PrintableText.paragraph("word ".repeat(10_000)))
                .hasSizeLessThan(9_000)
                .endsWith("… (49,999 characters)");
    }

    @Test
    void aCutLeavesNoHalfCharacter() {
        assertThat(PrintableText.excerpt("a😀b", 2)).isEqualTo("a… (4 characters)");
    }
}

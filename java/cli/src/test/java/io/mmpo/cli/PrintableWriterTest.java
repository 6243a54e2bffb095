package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class PrintableWriterTest {
    private final StringWriter written = new StringWriter();
    private final PrintableWriter writer = new PrintableWriter(written);

    @Test
    void linesStayAndControlCharactersDoNot() throws IOException {
        writer.write("one\n\ttwo\u001b[2J\r");
        assertThat(written.toString()).isEqualTo("one\n\ttwo\\u001b[2J\\r");
    }

    @Test
    void aCharacterMayComeInTwoHalves() throws IOException {
        String smile = "😀";
        writer.write(smile, 0, 1);
        writer.write(smile, 1, 1);
        writer.write("\ud800", 0, 1);
        writer.write("x");
        assertThat(written.toString()).isEqualTo("😀\\ud800x");
    }
}

package io.mmpo.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class Utf8Test {
    @Test
    void textIsRead() throws IOException {
        String text = "a\nß漢🙂\n".repeat(30_000);
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        assertThat(Utf8.decode(bytes)).isEqualTo(text);
        assertThat(Utf8.firstMalformed(new ByteArrayInputStream(bytes))).isEmpty();
    }

    /** At every place of a text that is longer than a buffer, in front of characters of one to four bytes. */
    @Test
    void theFirstWrongByteIsNamed() throws IOException {
        byte[] bytes = "a\nß漢🙂\n".repeat(30_000).getBytes(StandardCharsets.UTF_8);
        for (int place : new int[] {0, 1, 2, 65_531, 65_536, 131_080, bytes.length - 1}) {
            byte[] spoilt = bytes.clone();
            spoilt[place] = (byte) 0xff;
            int start = place; // of the character that the byte is of
            while ((bytes[start] & 0xc0) == 0x80) {
                start--;
            }
            long offset = start;
            assertThatThrownBy(() -> Utf8.decode(spoilt))
                    .isInstanceOfSatisfying(
                            Utf8.Malformed.class, e -> assertThat(e.offset()).isEqualTo(offset))
                    .hasMessageStartingWith("it is not UTF-8 text (byte " + (offset + 1) + ", in line ");
        }
        assertThatThrownBy(() -> Utf8.decode(new byte[] {'a', '\n', (byte) 0xe2, (byte) 0x82}))
                .hasMessage("it is not UTF-8 text (byte 3, in line 2)");
    }
}

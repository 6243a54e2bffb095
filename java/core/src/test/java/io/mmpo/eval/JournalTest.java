package io.mmpo.eval;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalTest {
    @TempDir
    Path directory;

    private Path file() {
        return directory.resolve("unfinished/a.jsonl");
    }

    private static ObjectNode answer(double value) {
        return JsonNodeFactory.instance.objectNode().put("value", value);
    }

    @Test
    void keepsWhatWasAdded() {
        double odd = -0.1 - 0.2;
        try (Journal journal = Journal.open(file(), "key")) {
            journal.add(Map.of(3, answer(odd)));
            journal.add(Map.of(0, answer(1e-300)));
        }
        try (Journal journal = Journal.open(file(), "key")) {
            assertThat(journal.known()).containsOnlyKeys(0, 3);
            assertThat(journal.known().get(3).path("value").doubleValue()).isEqualTo(odd);
        }
    }

    @Test
    void aLineThatWasCutShortWasNotWritten() throws IOException {
        try (Journal journal = Journal.open(file(), "key")) {
            journal.add(Map.of(1, answer(1)));
            journal.add(Map.of(2, answer(2)));
        }
        String text = Files.readString(file());
        Files.writeString(file(), text.substring(0, text.length() - 4));
        try (Journal journal = Journal.open(file(), "key")) {
            assertThat(journal.known()).containsOnlyKeys(1);
            journal.add(Map.of(2, answer(2)));
        }
        try (Journal journal = Journal.open(file(), "key")) {
            assertThat(journal.known()).containsOnlyKeys(1, 2);
        }
    }

    @Test
    void bytesThatAreNoTextBeginAnew() throws IOException {
        try (Journal journal = Journal.open(file(), "key")) {
            journal.add(Map.of(1, answer(1)));
        }
        Files.write(file(), new byte[] {(byte) 0xff, '\n'}, StandardOpenOption.APPEND);
        try (Journal journal = Journal.open(file(), "key")) {
            assertThat(journal.known()).isEmpty();
            journal.add(Map.of(2, answer(2)));
        }
        try (Journal journal = Journal.open(file(), "key")) {
            assertThat(journal.known()).containsOnlyKeys(2);
        }
    }

    @Test
    void anotherKeyBeginsAnew() {
        try (Journal journal = Journal.open(file(), "key")) {
            journal.add(Map.of(1, answer(1)));
        }
        try (Journal journal = Journal.open(file(), "another")) {
            assertThat(journal.known()).isEmpty();
        }
        Journal.remove(file());
        assertThat(directory.resolve("unfinished")).doesNotExist();
    }
}

package io.mmpo.data.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.data.Goldens;
import io.mmpo.data.RowKind;
import io.mmpo.data.TestRows;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.rows.DatasetSource;
import io.mmpo.data.tokens.DatasetSummary;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.data.tokens.TruncationMode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class TokenCacheTest {
    private static final String ROWS = """
            {"prompt": "Once upon", "chosen": " a time", "rejected": " a day"}
            {"prompt": "The cat", "chosen": " sat", "rejected": ""}
            {"prompt": "The dog", "chosen": " ran", "rejected": " sat"}
            """;

    @TempDir
    private Path directory;

    private Path model;
    private Path rows;

    @BeforeEach
    void copy() throws IOException {
        model = Files.createDirectory(directory.resolve("model"));
        for (String name : List.of("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")) {
            Files.copy(Goldens.path("models/stories260k").resolve(name), model.resolve(name));
            model.resolve(name).toFile().setWritable(true);
        }
        rows = Files.writeString(directory.resolve("rows.jsonl"), ROWS);
    }

    private record Opened(int rowsTokenized, List<String> contents, DatasetSummary summary, String fingerprint) {}

    private Opened open(Optional<Path> template, DatasetSource source, TokenizationOptions options) {
        TokenCache cache = new TokenCache(directory.resolve("cache"), model, template);
        try (Tokenizer tokenizer = Tokenizer.open(model, template);
                TokenizedDataset data = RowKind.PREFERENCE.open(source, () -> tokenizer, options, Optional.of(cache))) {
            return new Opened(
                    data.rowsTokenized(),
                    TestRows.contents(data),
                    data.summary(),
                    data.fingerprint().orElseThrow());
        }
    }

    private Opened open() {
        return open(Optional.empty(), DatasetSource.of(rows), TokenizationOptions.UNLIMITED);
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(directory.resolve("cache/tokens"))) {
            return files.toList();
        }
    }

    private void assertTokenizesAgain() {
        assertThat(open().rowsTokenized()).isEqualTo(3);
        assertThat(open().rowsTokenized()).isZero();
    }

    @Test
    void secondOpeningTokenizesNothing() throws IOException {
        Opened first = open();
        assertThat(first.rowsTokenized()).isEqualTo(3);
        assertThat(files()).hasSize(1);
        TokenCache cache = new TokenCache(directory.resolve("cache"), model, Optional.empty());
        try (TokenizedDataset data = RowKind.PREFERENCE.open(
                DatasetSource.of(rows), TestRows.NO_TOKENIZER, TokenizationOptions.UNLIMITED, Optional.of(cache))) {
            assertThat(data.get(1).row()).isEqualTo(2);
            assertThat(data.rowsTokenized()).isZero();
            assertThat(TestRows.contents(data)).isEqualTo(first.contents());
            assertThat(data.summary()).isEqualTo(first.summary());
            assertThat(data.fingerprint()).hasValue(first.fingerprint());
            assertThatThrownBy(() -> data.get(2)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void anyChangedInputIsTokenizedAnew() throws IOException {
        open();
        Files.writeString(rows, ROWS.replace("day", "way"));
        assertTokenizesAgain();
        for (String name : List.of("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")) {
            Path file = model.resolve(name);
            Files.writeString(file, Files.readString(file) + " ");
            assertTokenizesAgain();
        }
        Files.writeString(model.resolve("chat_template.jinja"), "{{ messages }}");
        assertTokenizesAgain();
        Files.writeString(model.resolve("chat_template.jinja"), "{{  messages }}");
        assertTokenizesAgain();
    }

    @Test
    void optionsColumnsAndTemplateArePartOfTheName() throws IOException {
        List<Opened> opened = new ArrayList<>();
        opened.add(open());
        opened.add(open(
                Optional.empty(),
                DatasetSource.of(rows),
                new TokenizationOptions(
                        OptionalInt.of(9), OptionalInt.empty(), OptionalInt.empty(), TruncationMode.KEEP_START)));
        opened.add(open(
                Optional.empty(),
                DatasetSource.of(rows),
                new TokenizationOptions(
                        OptionalInt.of(9), OptionalInt.empty(), OptionalInt.empty(), TruncationMode.KEEP_END)));
        opened.add(open(
                Optional.empty(),
                new DatasetSource("x", List.of(rows), Map.of("chosen", "rejected", "rejected", "chosen")),
                TokenizationOptions.UNLIMITED));
        opened.add(open(
                Optional.of(Files.writeString(directory.resolve("t.jinja"), "x")),
                DatasetSource.of(rows),
                TokenizationOptions.UNLIMITED));
        opened.add(open(
                Optional.empty(),
                new DatasetSource("x", List.of(rows, rows), Map.of()),
                TokenizationOptions.UNLIMITED));
        assertThat(opened.stream().map(Opened::fingerprint)).doesNotHaveDuplicates();
        assertThat(opened).allMatch(each -> each.rowsTokenized() >= 3);
    }

    @Test
    void damagedFilesAreMadeAnew() throws IOException {
        open();
        Path file = files().getFirst();
        byte[] bytes = Files.readAllBytes(file);
        bytes[30]++;
        Files.write(file, bytes);
        assertTokenizesAgain();
        Files.write(file, java.util.Arrays.copyOf(bytes, 10));
        assertTokenizesAgain();
    }

    @Test
    void nothingIsLeftOfARunThatFailsOrIsClosed() throws IOException {
        Files.writeString(rows, ROWS + "oops");
        assertThatThrownBy(this::open).isInstanceOf(MmpoException.class).hasMessageContaining("line 4");
        assertThat(files()).isEmpty();
        Path leftover = directory.resolve("cache/tokens/.x.incomplete");
        Files.writeString(leftover, "of a killed process");
        Files.setLastModifiedTime(leftover, FileTime.from(Instant.now().minus(Duration.ofDays(2))));
        Files.writeString(rows, ROWS);
        open();
        assertThat(leftover).doesNotExist();
    }

    @Test
    void severalRunsMayUseOneDirectory() {
        List<Opened> opened =
                Stream.generate(() -> 0).limit(8).parallel().map(i -> open()).toList();
        assertThat(opened.stream().map(Opened::contents).distinct()).hasSize(1);
        assertThat(open().rowsTokenized()).isZero();
    }
}

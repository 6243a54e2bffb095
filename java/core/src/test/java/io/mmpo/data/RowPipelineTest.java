package io.mmpo.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.mmpo.data.rows.DatasetSource;
import io.mmpo.data.rows.PreferenceShape;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class RowPipelineTest {
    private static final int ROWS = 200;
    private static final int MOST_IN_FLIGHT = 8;
    private static final long TIME_FOR_ANOTHER_MILLIS = 200;

    @TempDir
    private Path directory;

    /** Rows that wait for a slow one before them count as memory in use: the file is not read to its end meanwhile. */
    @Test
    void aSlowRowHoldsUpTheReader() throws Exception {
        assumeTrue(Runtime.getRuntime().availableProcessors() > 1, "skipped: one thread tokenizes");
        AtomicInteger begun = new AtomicInteger();
        CountDownLatch full = new CountDownLatch(MOST_IN_FLIGHT);
        CountDownLatch gate = new CountDownLatch(1);
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("models/stories260k"), Optional.empty());
                TokenizedDataset data = open(() -> {
                    begun.incrementAndGet();
                    full.countDown();
                    if (hasFirstRow(Thread.currentThread())) {
                        await(gate);
                    }
                    return tokenizer;
                })) {
            full.await();
            Thread.sleep(TIME_FOR_ANOTHER_MILLIS);
            assertThat(begun).hasValue(MOST_IN_FLIGHT);
            assertThat(data.sizeIfKnown()).isEmpty();
            gate.countDown();
            assertThat(data.size()).isEqualTo(ROWS);
            assertThat(data.sizeIfKnown()).hasValue(ROWS);
            assertThat(data.has(ROWS - 1)).isTrue();
            assertThat(data.has(ROWS)).isFalse();
            assertThat(data.has(-1)).isFalse();
        }
    }

    /** The pool starts its first thread for its first row; which thread runs first is the system's affair. */
    private static boolean hasFirstRow(Thread worker) {
        return worker.getName().endsWith("-tokenize-0");
    }

    private TokenizedDataset open(Supplier<Tokenizer> tokenizer) throws IOException {
        Path file = Files.writeString(
                directory.resolve("rows.jsonl"),
                "{\"prompt\": \"Once\", \"chosen\": \" upon\", \"rejected\": \" a\"}\n".repeat(ROWS));
        return new RowPipeline(
                DatasetSource.of(file),
                new PreferenceShape(),
                tokenizer,
                TokenizationOptions.UNLIMITED,
                Optional.empty(),
                MOST_IN_FLIGHT); // rows of less than a KiB count as one
    }

    private static void await(CountDownLatch gate) {
        try {
            gate.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}

package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.SharedFiles;
import io.mmpo.config.TrainingConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The reference pass while rows are still tokenized: the last row's tokenizer waits at a gate. */
@Timeout(120)
class ReferencePassTest {
    private static final int BATCH = 4;
    private static final String LAST = "{\"prompt\": \"Once upon\", \"chosen\": \" a time\", \"rejected\": \" a day\"}";

    @TempDir
    private Path directory;

    private final CountDownLatch gate = new CountDownLatch(1);
    private final List<String> heard = new ArrayList<>();
    private Path rows;

    /** Two batches of rows that need no tokenizer, and one row that does. */
    @BeforeEach
    void writeRows() throws IOException {
        rows = directory.resolve("rows.jsonl");
        write(LAST);
    }

    private void write(String last) throws IOException {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 2 * BATCH; i++) {
            lines.add("{\"prompt_ids\": [1, %d], \"chosen_ids\": [30, 31], \"rejected_ids\": [40]}".formatted(20 + i));
        }
        lines.add(last);
        Files.write(rows, lines);
    }

    private TrainingResult run(String name, Runnable afterFirstBatch, Map<String, ?> more) {
        Map<String, Object> keys = new LinkedHashMap<>();
        keys.put("model_name_or_path", SharedFiles.path("models/stories260k"));
        keys.put("num_train_epochs", 1);
        keys.put("precompute_ref_batch_size", BATCH);
        keys.put("cache_dir", "no");
        keys.putAll(more);
        TrainingConfig config = GoldenRun.config(rows, directory.resolve(name), keys);
        try (TrainingSession session =
                TrainingSession.open(config, RunMemory.NONE, listener(afterFirstBatch), tokenizer -> () -> {
                    pass(gate);
                    return tokenizer.get();
                })) {
            return session.train(numRows -> RowOrder.seeded(1, numRows));
        }
    }

    private static void pass(CountDownLatch gate) {
        try {
            assertThat(gate.await(60, TimeUnit.SECONDS))
                    .as("the reference pass began")
                    .isTrue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("closed at the gate", e);
        }
    }

    private boolean stop;

    private ProgressListener listener(Runnable afterFirstBatch) {
        return new ProgressListener() {
            @Override
            public void started(Phase phase, long done, long total) {
                heard.add(phase + " of " + total);
            }

            @Override
            public void totalKnown(Phase phase, long total) {
                heard.add(phase + " of " + total);
            }

            @Override
            public void advanced(Phase phase, long done, long ofTotal) {
                if (phase == Phase.REFERENCE && done == BATCH) {
                    heard.add("first batch scored");
                    afterFirstBatch.run();
                }
            }

            @Override
            public void tokenized(String purpose, int rowsTokenized) {
                heard.add(rowsTokenized + " tokenized");
            }

            @Override
            public boolean stopRequested() {
                return stop;
            }
        };
    }

    @Test
    void beginsBeforeTheLastRowIsTokenized() throws IOException {
        run("overlapped", gate::countDown, Map.of());
        assertThat(heard)
                .containsExactly(
                        "REFERENCE of " + ProgressListener.UNKNOWN,
                        "first batch scored",
                        "REFERENCE of 9",
                        "9 tokenized",
                        "TRAINING of 2");
        run("after", () -> {}, Map.of("max_steps", 2));
        assertThat(heard).endsWith("9 tokenized", "REFERENCE of 9", "first batch scored", "TRAINING of 2");
        assertThat(directory.resolve("overlapped/final/model.safetensors"))
                .hasSameBinaryContentAs(directory.resolve("after/final/model.safetensors"));
    }

    @Test
    void mayBeStoppedBeforeTheLastRowIsTokenized() {
        TrainingResult result = run("stopped", () -> stop = true, Map.of());
        assertThat(result.interrupted()).isTrue();
        assertThat(result.globalStep()).isZero();
        assertThat(gate.getCount()).as("the last row was never waited for").isEqualTo(1);
        assertThat(directory.resolve("stopped")).doesNotExist();
    }

    @Test
    void aRowThatTheModelDoesNotKnowIsFoundBeforeAnythingIsWritten() throws IOException {
        write("{\"prompt_ids\": [1], \"chosen_ids\": [2], \"rejected_ids\": [512]}");
        assertThatThrownBy(() -> run("refused", () -> {}, Map.of()))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .hasMessageContaining("Row 9 of the training data has the token id 512");
        assertThat(directory.resolve("refused")).doesNotExist();
    }

    @Test
    void anOutputDirectoryThatCannotBeWrittenIsFoundBeforeTheModelIsLoaded() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "in the way");
        assertThatThrownBy(() -> run("file/run", () -> {}, Map.of()))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.ENVIRONMENT))
                .hasMessageContaining(file + " is no directory");
        assertThat(heard).isEmpty();
    }
}

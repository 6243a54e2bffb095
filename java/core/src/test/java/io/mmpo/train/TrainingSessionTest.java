package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.SharedFiles;
import io.mmpo.config.TrainingConfig;
import io.mmpo.data.Reading;
import io.mmpo.files.OwnerLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class TrainingSessionTest {
    @TempDir
    Path directory;

    private final List<Reading> heard = new ArrayList<>();

    @Test
    void aSecondRunAtOnceIsRefused() throws IOException {
        Path output = directory.resolve("run");
        TrainingConfig config = GoldenRun.config(
                GoldenRun.writeRows(directory), output, Map.of("max_steps", 1, "resume_from_checkpoint", true));
        try (TrainingSession first = TrainingSession.open(config, ProgressListener.silent())) {
            assertThatThrownBy(() -> Trainer.run(config, ProgressListener.silent()))
                    .isInstanceOfSatisfying(
                            MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.ENVIRONMENT))
                    .hasMessageContaining("output_dir " + output + " is being written by another mmpo: process "
                            + ProcessHandle.current().pid());
            assertThat(first.train(numRows -> RowOrder.seeded(1, numRows)).globalStep())
                    .isEqualTo(1);
        }
        assertThat(output.resolve(OwnerLock.FILE)).doesNotExist();
    }

    /** The first row is there, the second one's tokenizer never comes: the run tells how far it is, hears the signal, and ends. */
    @Test
    void anInterruptWhileRowsAreReadEndsTheRunAndLeavesNothing() throws IOException {
        Path rows = Files.write(
                directory.resolve("rows.jsonl"),
                List.of(
                        "{\"prompt_ids\": [1], \"chosen_ids\": [30], \"rejected_ids\": [40]}",
                        "{\"prompt\": \"Once upon\", \"chosen\": \" a time\", \"rejected\": \" a day\"}"));
        Path output = directory.resolve("run");
        TrainingConfig config = GoldenRun.config(
                rows,
                output,
                Map.of(
                        "model_name_or_path",
                        SharedFiles.path("models/stories260k"),
                        "max_steps",
                        1,
                        "cache_dir",
                        directory.resolve("cache")));
        CountDownLatch never = new CountDownLatch(1);
        try (TrainingSession session = TrainingSession.open(config, RunMemory.NONE, listener(), tokenizer -> () -> {
            try {
                never.await();
                return tokenizer.get();
            } catch (InterruptedException e) {
                throw new CancellationException("the session was closed");
            }
        })) {
            TrainingResult result = session.train(numRows -> RowOrder.seeded(1, numRows));
            assertThat(result.interrupted()).isTrue();
            assertThat(result.globalStep()).isZero();
        }
        assertThat(output).doesNotExist();
        assertThat(directory.resolve("cache/tokens")).isEmptyDirectory();
        assertThat(heard).last().satisfies(reading -> {
            assertThat(reading.rows()).isEqualTo(1);
            assertThat(reading.bytes()).isEqualTo(Files.size(rows));
            assertThat(reading.totalBytes()).isEqualTo(Files.size(rows));
        });
    }

    private ProgressListener listener() {
        return new ProgressListener() {
            @Override
            public void reading(String purpose, Reading reading) {
                assertThat(purpose).isEqualTo("training");
                heard.add(reading);
            }

            @Override
            public boolean stopRequested() {
                return !heard.isEmpty() && heard.getLast().rows() == 1;
            }
        };
    }
}

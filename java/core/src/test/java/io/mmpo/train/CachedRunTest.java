package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.SharedFiles;
import io.mmpo.data.store.ReferenceParts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A run whose tokenized rows and reference log-probabilities a run before it has left in the cache. */
@Timeout(120)
class CachedRunTest {
    @TempDir
    private Path directory;

    private Path model;
    private Path rows;
    private int numRows;
    private int runs;

    @BeforeEach
    void copy() throws IOException {
        model = Files.createDirectory(directory.resolve("model"));
        for (String name : List.of("config.json", "model.safetensors")) {
            Files.copy(SharedFiles.path("golden/tiny_llama/tied").resolve(name), model.resolve(name));
            model.resolve(name).toFile().setWritable(true);
        }
        rows = GoldenRun.writeRows(directory);
        numRows = Files.readAllLines(rows).size();
    }

    /** What a run's counters said. */
    private static final class Counters implements ProgressListener {
        int tokenized = -1;
        int computed = -1;
        int cached = -1;
        int compared = -1;
        int stopAfterRows = Integer.MAX_VALUE;
        private boolean stop;
        final List<Phase> phases = new ArrayList<>();
        final List<String> messages = new ArrayList<>();

        @Override
        public void tokenized(String purpose, int rowsTokenized) {
            tokenized = rowsTokenized;
        }

        @Override
        public void scoredReference(int rowsComputed, int rowsCached, int rowsCompared) {
            computed = rowsComputed;
            cached = rowsCached;
            compared = rowsCompared;
        }

        @Override
        public void started(Phase phase, long done, long total) {
            phases.add(phase);
        }

        @Override
        public void advanced(Phase phase, long done, long ofTotal) {
            stop |= phase == Phase.REFERENCE && done >= stopAfterRows;
        }

        @Override
        public boolean stopRequested() {
            return stop;
        }

        @Override
        public void message(String line) {
            messages.add(line);
        }
    }

    private Counters run(Counters counters, Map<String, ?> more) {
        Map<String, Object> keys = new LinkedHashMap<>();
        keys.put("model_name_or_path", model);
        keys.put("loss_type", "dpo");
        keys.put("num_train_epochs", 1);
        keys.put("per_device_train_batch_size", numRows / 3 + 1);
        keys.put("gradient_accumulation_steps", 1);
        keys.put("precompute_ref_batch_size", 4);
        keys.put("cache_dir", directory.resolve("cache"));
        keys.putAll(more);
        Trainer.run(GoldenRun.config(rows, output(++runs), keys), counters);
        return counters;
    }

    private Counters run() {
        return run(new Counters(), Map.of());
    }

    private Path output(int run) {
        return directory.resolve("run" + run);
    }

    private List<Path> parts() throws IOException {
        try (Stream<Path> files = Files.walk(directory.resolve("cache/reference"))) {
            return files.filter(Files::isRegularFile).toList();
        }
    }

    @Test
    void secondStartTokenizesNothingAndRunsNoReferencePass() throws IOException {
        Counters first = run();
        assertThat(first.tokenized).isEqualTo(numRows);
        assertThat(first.computed).isEqualTo(numRows);
        assertThat(first.cached).isZero();
        assertThat(first.phases).contains(ProgressListener.Phase.REFERENCE);

        Counters second = run();
        assertThat(second.tokenized).isZero();
        assertThat(second.computed).isZero();
        assertThat(second.cached).isEqualTo(numRows);
        assertThat(second.compared).isBetween(1, 4);
        assertThat(second.phases).doesNotContain(ProgressListener.Phase.REFERENCE);
        assertThat(second.messages)
                .anyMatch(line -> line.contains("all from the cache, none tokenized"))
                .anyMatch(line -> line.startsWith(
                        "reference log-probabilities: 0 rows computed, " + numRows + " from the cache"));
        assertThat(output(2).resolve("final/model.safetensors"))
                .hasSameBinaryContentAs(output(1).resolve("final/model.safetensors"));
    }

    /** At lambda = 1 references are for the metrics alone: no more rows are scored than are logged, and the weights are the same. */
    @Test
    void mmpoScoresTheRowsOfLoggedStepsOnly() throws IOException {
        int batch = 4;
        int steps = Math.ceilDiv(numRows, batch);
        Map<String, Object> keys = new LinkedHashMap<>(
                Map.of("loss_type", "mmpo", "cache_dir", "no", "per_device_train_batch_size", batch, "seed", 3));
        Counters every = run(new Counters(), keys);
        keys.put("logging_steps", 2);
        Counters second = run(new Counters(), keys);
        assertThat(every.computed).isEqualTo(numRows);
        assertThat(second.computed).isLessThan(numRows).isBetween((steps / 2 - 1) * batch + 1, (steps / 2 + 1) * batch);
        assertThat(output(2).resolve("final/model.safetensors"))
                .hasSameBinaryContentAs(output(1).resolve("final/model.safetensors"));

        Map<Integer, JsonNode> all = new LinkedHashMap<>();
        GoldenRun.metrics(output(1), "loss")
                .forEach(line -> all.put(line.get("step").asInt(), line));
        List<JsonNode> some = GoldenRun.metrics(output(2), "loss");
        double sum = 0;
        for (JsonNode line : some) {
            JsonNode same = all.get(line.get("step").asInt());
            for (String field : List.of("loss", "rewards/chosen", "rewards/rejected", "logps/rejected")) {
                assertThat(line.get(field).asDouble())
                        .as(field)
                        .isEqualTo(same.get(field).asDouble());
            }
            sum += line.get("loss").asDouble();
        }
        assertThat(some).hasSize(Math.ceilDiv(steps, 2));
        assertThat(GoldenRun.metrics(output(2), "train_loss")
                        .getFirst()
                        .get("train_loss")
                        .asDouble())
                .isEqualTo(sum / some.size());
    }

    /** Rows scored as they are tokenized, scored when all are, or read from the cache: the run has the same bits. */
    @Test
    void whenARowIsScoredDecidesNothing() throws IOException {
        Map<String, Object> uncached = Map.of("cache_dir", "no", "seed", 3);
        run(new Counters(), uncached);
        Map<String, Object> known = new LinkedHashMap<>(uncached);
        known.put("max_steps", 3); // as many, but now the rows to score are known only at the end of the file
        run(new Counters(), known);
        run(new Counters(), Map.of("seed", 3));
        Counters cached = run(new Counters(), Map.of("seed", 3));
        assertThat(cached.computed).isZero();
        for (int other = 2; other <= 4; other++) {
            assertThat(output(other).resolve("final/model.safetensors"))
                    .hasSameBinaryContentAs(output(1).resolve("final/model.safetensors"));
        }
    }

    @Test
    void aChangedByteOfAnyInputIsComputedAnew() throws IOException {
        run();
        Path weights = model.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        bytes[bytes.length - 4] ^= 1; // the last bit of a weight
        Files.write(weights, bytes);
        Counters otherWeights = run();
        assertThat(otherWeights.computed).isEqualTo(numRows);
        assertThat(otherWeights.tokenized).as("the tokenizer is the same").isZero();

        Files.writeString(rows, Files.readString(rows) + "\n");
        Counters otherRows = run();
        assertThat(otherRows.tokenized).isEqualTo(numRows);
        assertThat(otherRows.computed).isEqualTo(numRows);

        Counters otherLength = run(new Counters(), Map.of("max_length", 1000));
        assertThat(otherLength.tokenized).isEqualTo(numRows);
        assertThat(otherLength.computed).isEqualTo(numRows);

        Counters otherPrecision = run(new Counters(), Map.of("bf16", true));
        assertThat(otherPrecision.tokenized).isZero();
        assertThat(otherPrecision.computed).isEqualTo(numRows);
        assertThat(run().computed).isZero();
    }

    @Test
    void interruptedComputationGoesOn() {
        Counters interrupted = new Counters();
        interrupted.stopAfterRows = 8;
        run(interrupted, Map.of());
        assertThat(interrupted.phases).doesNotContain(ProgressListener.Phase.TRAINING);
        Counters second = run();
        assertThat(second.cached).isEqualTo(8);
        assertThat(second.computed).isEqualTo(numRows - 8);
        assertThat(run().computed).isZero();
    }

    @Test
    void valuesOfAnotherModelAreFoundOut() throws IOException {
        run();
        ReferenceParts parts = new ReferenceParts(parts().getFirst().getParent());
        List<ReferenceParts.Entry> wrong = parts.read().stream()
                .map(entry ->
                        new ReferenceParts.Entry(entry.group(), entry.row(), entry.chosen() - 1, entry.rejected()))
                .toList();
        parts.clear();
        parts.append(wrong);
        Counters second = run();
        assertThat(second.messages).anyMatch(line -> line.contains("are not those of this model"));
        assertThat(second.computed).isEqualTo(numRows);
        assertThat(run().computed).isZero();
    }

    /** As ranks would leave them, each with rows of its own and at its own time; here the even and the odd ones. */
    @Test
    void partsOfSeveralProcessesAreOneTable() throws IOException {
        run();
        ReferenceParts parts = new ReferenceParts(parts().getFirst().getParent());
        List<ReferenceParts.Entry> all = parts.read();
        parts.clear();
        for (int rank : new int[] {1, 0}) {
            parts.append(all.stream().filter(entry -> entry.group() % 2 == rank).toList());
        }
        assertThat(parts()).hasSize(2);
        assertThat(parts.read()).containsExactlyInAnyOrderElementsOf(all);
        Counters second = run();
        assertThat(second.computed).isZero();
        assertThat(second.cached).isEqualTo(numRows);
        assertThat(output(2).resolve("final/model.safetensors"))
                .hasSameBinaryContentAs(output(1).resolve("final/model.safetensors"));
    }

    @Test
    void damagedPartIsComputedAnew() throws IOException {
        run();
        Path part = parts().getFirst();
        Files.write(part, java.util.Arrays.copyOf(Files.readAllBytes(part), 100));
        assertThat(run().computed).isEqualTo(numRows);
        assertThat(part).doesNotExist();
    }

    @Test
    void withoutACacheNothingIsKept() {
        assertThat(run(new Counters(), Map.of("cache_dir", "no")).computed).isEqualTo(numRows);
        assertThat(directory.resolve("cache")).doesNotExist();
        assertThat(CacheDirectory.of(java.util.Optional.empty(), Map.of("MMPO_CACHE", "no")))
                .isEmpty();
        assertThat(CacheDirectory.of(java.util.Optional.of("/c"), Map.of("MMPO_CACHE", "no")))
                .hasValue(Path.of("/c"));
        assertThat(CacheDirectory.of(java.util.Optional.empty(), Map.of("XDG_CACHE_HOME", "/x")))
                .hasValue(Path.of("/x/mmpo"));
        assertThat(io.mmpo.files.UserCache.directory(Map.of("MMPO_CACHE", "/m", "XDG_CACHE_HOME", "/x")))
                .isEqualTo(Path.of("/m"));
        assertThat(io.mmpo.files.UserCache.directory(Map.of("MMPO_CACHE", "no", "XDG_CACHE_HOME", "/x")))
                .isEqualTo(Path.of("/x/mmpo"));
    }
}

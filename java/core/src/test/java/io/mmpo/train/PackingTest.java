package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PackingTest {
    @TempDir
    private Path directory;

    @Test
    void bestFitTakesTheLongestFirst() {
        // 7 opens a sequence, 6 another, 4 fits the second alone, 3 fills the first, 2 needs a third
        assertThat(Packing.bestFit(new int[] {4, 7, 3, 6, 2}, 10)).isDeepEqualTo(new int[][] {{0, 3}, {1, 2}, {4}});
        assertThat(Packing.bestFit(new int[] {10, 10}, 10)).isDeepEqualTo(new int[][] {{0}, {1}});
        assertThatThrownBy(() -> Packing.bestFit(new int[] {11}, 10))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("a row has 11 tokens, more than max_length (10)");
    }

    @Test
    void everyRowIsInOneSequenceThatIsNotTooLong() {
        Random random = new Random(1);
        int[] lengths =
                IntStream.generate(() -> 1 + random.nextInt(500)).limit(3000).toArray();
        int[][] packs = Packing.bestFit(lengths, 1024);
        assertThat(Arrays.stream(packs).flatMapToInt(Arrays::stream).sorted().toArray())
                .isEqualTo(IntStream.range(0, lengths.length).toArray());
        assertThat(List.of(packs))
                .allMatch(pack -> Arrays.stream(pack).map(row -> lengths[row]).sum() <= 1024);
        int ideal = Math.ceilDiv(Arrays.stream(lengths).sum(), 1024);
        assertThat(packs.length).isLessThanOrEqualTo(ideal + ideal / 50);
    }

    /** One sequence of all rows gives what one batch of all rows gives, so no row sees another. */
    @Test
    void packedRowsTrainAsRowsOfABatch() throws IOException {
        List<String> lines = new ArrayList<>();
        int tokens = 0;
        for (JsonNode pair : GoldenRun.golden().get("pairs")) {
            lines.add("{\"prompt_ids\": %s, \"completion_ids\": %s}"
                    .formatted(pair.get("prompt_ids"), pair.get("chosen_ids")));
            tokens += pair.get("prompt_ids").size() + pair.get("chosen_ids").size();
        }
        Path rows = Files.write(directory.resolve("sft.jsonl"), lines);
        List<JsonNode> apart = train(rows, "apart", Map.of("per_device_train_batch_size", lines.size()));
        List<JsonNode> packed =
                train(rows, "packed", Map.of("packing", true, "max_length", tokens, "per_device_train_batch_size", 1));
        assertThat(packed).hasSameSizeAs(apart).hasSize(3);
        for (int i = 0; i < apart.size(); i++) {
            assertThat(packed.get(i).get("loss").doubleValue())
                    .isCloseTo(apart.get(i).get("loss").doubleValue(), within(1e-5));
            assertThat(packed.get(i).get("grad_norm").doubleValue())
                    .isCloseTo(apart.get(i).get("grad_norm").doubleValue(), within(1e-4));
        }
        List<JsonNode> several = train(
                rows, "several", Map.of("packing", true, "max_length", tokens / 3, "per_device_train_batch_size", 1));
        assertThat(several.size()).isEqualTo(3);
    }

    private List<JsonNode> train(Path rows, String output, Map<String, ?> more) throws IOException {
        Map<String, Object> keys = new LinkedHashMap<>(Map.of("loss_type", "sft", "max_steps", 3));
        keys.put("gradient_accumulation_steps", 1);
        keys.put("warmup_steps", 0);
        keys.putAll(more);
        Trainer.run(GoldenRun.config(rows, directory.resolve(output), keys), ProgressListener.silent());
        return GoldenRun.metrics(directory.resolve(output), "loss");
    }
}

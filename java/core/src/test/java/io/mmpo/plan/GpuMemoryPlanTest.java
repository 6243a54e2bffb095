package io.mmpo.plan;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.spec.AttentionStyle;
import io.mmpo.spec.LoraModule;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.Recompute;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Optional;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;

/**
 * What is planned for a slice of a micro-batch on a GPU, against what a run that emulates one asks of the allocator
 * (native/tests/train/gpu_memory_test.cpp). Both figures stand in gpu_memory.json, each checked to the byte by its own side.
 */
class GpuMemoryPlanTest {
    /** A plan counts one row more for every completion, and leaves out a batch's indices, some bytes for each of its tokens. */
    private static final double MOST_TOO_MUCH = 1.04;

    private static final double LEAST = 0.99;

    @Test
    void planIsWhatAnEmulatedRunAsksFor() throws IOException {
        JsonNode file = new ObjectMapper()
                .readTree(Path.of(System.getProperty("mmpo.root", "../.."))
                        .resolve("native/tests/train/gpu_memory.json")
                        .toFile());
        assertThat(file.get("cases")).hasSizeGreaterThanOrEqualTo(8);
        SoftAssertions all = new SoftAssertions();
        for (JsonNode described : file.get("cases")) {
            String name = described.get("name").asText();
            long planned = planned(file.get("model"), described);
            double asked = described.get("asked").asLong();
            all.assertThat(planned).as(name).isEqualTo(described.get("planned").asLong());
            all.assertThat(planned / asked).as(name).isBetween(LEAST, MOST_TOO_MUCH);
        }
        all.assertAll();
    }

    private static long planned(JsonNode model, JsonNode described) {
        ModelShape shape = shape(model, described.get("vocab_size").asLong());
        int rank = described.get("lora_rank").asInt();
        EnumSet<LoraModule> attention = EnumSet.of(LoraModule.Q, LoraModule.K, LoraModule.V, LoraModule.O);
        Optional<LoraSettings> lora = rank == 0
                ? Optional.empty()
                : Optional.of(LoraSettings.everywhere(shape.numLayers(), rank, 2, 0, 0, attention));
        LongestPair pair = new LongestPair(
                described.get("prompt").asLong(),
                described.get("completion").asLong(),
                described.get("completions").asInt());
        MemoryPlan plan = MemoryPlan.of(
                shape,
                lora,
                OptimizerType.ADAMW,
                described.get("dtype").asText().equals("bfloat16"),
                true,
                Recompute.valueOf(described.get("recompute").asText()),
                LargestSlice.of(false, pair, described.get("rows").asInt()));
        return plan.activations() + plan.shared() + plan.passing();
    }

    private static ModelShape shape(JsonNode model, long vocabSize) {
        return new ModelShape(
                vocabSize,
                model.get("hidden_size").asLong(),
                model.get("intermediate_size").asLong(),
                model.get("num_layers").asLong(),
                model.get("num_heads").asLong(),
                model.get("num_kv_heads").asLong(),
                model.get("head_dim").asLong(),
                model.get("max_positions").asLong(),
                1e-6,
                10_000,
                Optional.empty(),
                false,
                false,
                false,
                AttentionStyle.LLAMA);
    }
}

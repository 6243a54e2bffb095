package io.mmpo.plan;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.plan.SliceRows.Group;
import io.mmpo.spec.AttentionStyle;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.LoraModule;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.LoraTarget;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.Recompute;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.Test;

/**
 * What is planned for a training step on a GPU, against what a run that emulates one asks of the allocator: gpu_memory.json has those
 * figures, to which native/tests/train/gpu_memory_test.cpp holds the engine.
 */
class GpuMemoryPlanTest {
    /** Where plain products stand for flash attention a plan counts float32 copies of all that a sequence reads, and some are views. */
    private static final double MOST_OF_PLAIN_PRODUCTS = 1.08;

    @Test
    void planIsWhatAnEmulatedRunAsksFor() throws IOException {
        JsonNode file = new ObjectMapper()
                .readTree(Path.of(System.getProperty("mmpo.root", "../.."))
                        .resolve("native/tests/train/gpu_memory.json")
                        .toFile());
        SoftAssertions all = new SoftAssertions();
        for (JsonNode described : file.get("cases")) {
            Case planned = new Case(
                    described, file.get("models").get(described.get("model").asText()));
            String name = described.get("name").asText();
            long step = described.get("step").asLong();
            if (name.startsWith("PlainProducts")) {
                all.assertThat(planned.slice().total() / (double) step).as(name).isBetween(1.0, MOST_OF_PLAIN_PRODUCTS);
            } else {
                all.assertThat(planned.slice().total()).as(name).isEqualTo(step);
            }
            if (described.has("run")) {
                // The tables may have grown to twice the positions, and here they have not.
                MemoryPlan run = planned.run();
                all.assertThat(run.total() - run.tables() / 2)
                        .as(name + ", the run")
                        .isEqualTo(described.get("run").asLong());
            }
        }
        all.assertAll();
        assertThat(file.get("cases")).hasSizeGreaterThan(20);
    }

    /** A described run. */
    private record Case(JsonNode described, JsonNode sizes) {
        private ComputeType type() {
            return switch (described.get("dtype").asText()) {
                case "float32" -> ComputeType.FLOAT32;
                case "bfloat16" -> ComputeType.BFLOAT16;
                case "bfloat16 over fp8" -> ComputeType.BFLOAT16_OVER_FP8;
                default -> throw new IllegalArgumentException(described.toString());
            };
        }

        private ModelShape shape() {
            return new ModelShape(
                    sizes.get("vocab_size").asLong(),
                    sizes.get("hidden_size").asLong(),
                    sizes.get("intermediate_size").asLong(),
                    sizes.get("num_layers").asLong(),
                    sizes.get("num_heads").asLong(),
                    sizes.get("num_kv_heads").asLong(),
                    sizes.get("head_dim").asLong(),
                    sizes.get("max_positions").asLong(),
                    1e-6,
                    10_000,
                    Optional.empty(),
                    sizes.path("tie_embeddings").asBoolean(),
                    sizes.path("qkv_bias").asBoolean(),
                    sizes.path("output_bias").asBoolean(),
                    new AttentionStyle(sizes.path("qk_norm").asBoolean(), 0, List.of(), List.of()));
        }

        private Optional<LoraSettings> lora() {
            JsonNode lora = described.get("lora");
            if (lora == null) {
                return Optional.empty();
            }
            List<LoraTarget> targets = new ArrayList<>();
            for (long layer = 0; layer < shape().numLayers(); layer++) {
                for (LoraModule module : LoraModule.values()) {
                    if (lora.get("modules").has(module.name())) {
                        int rank = lora.get("modules").get(module.name()).asInt();
                        targets.add(new LoraTarget(layer, module, rank, 2));
                    }
                }
            }
            return Optional.of(
                    new LoraSettings(targets, Set.of(), lora.path("dropout").asDouble(), 0));
        }

        private HeadNumbers numbers() {
            boolean entropies = described.path("entropy_weight").asDouble() != 0;
            boolean known = !described.get("loss").asText().equals("DPO") && !entropies;
            return new HeadNumbers(known, described.path("use_weighting").asBoolean(), entropies);
        }

        private List<SliceRows> slices() {
            int graded = described.get("loss").asText().equals("DPO") ? 2 : 1;
            List<Group> groups = new ArrayList<>();
            for (JsonNode group : described.get("groups")) {
                List<Long> lengths = new ArrayList<>();
                group.forEach(length -> lengths.add(length.asLong()));
                groups.add(Group.of(lengths, graded));
            }
            return cut(groups, described.path("slice_tokens").asLong(SliceRows.GPU_SLICE_TOKENS));
        }

        /** The largest, whose memory is the step's. */
        SliceMemory slice() {
            return slices().stream()
                    .map(rows -> SliceMemory.of(
                            shape(),
                            lora(),
                            type(),
                            false,
                            Recompute.valueOf(described.get("recompute").asText()),
                            numbers(),
                            rows))
                    .max(Comparator.comparingLong(SliceMemory::total))
                    .orElseThrow();
        }

        MemoryPlan run() {
            long positions =
                    slices().stream().mapToLong(SliceRows::positions).max().orElseThrow();
            return MemoryPlan.of(shape(), lora(), OptimizerType.ADAMW, type(), true, false, positions, slice());
        }
    }

    /** slice_batch of native/src/model/batch_slices.cpp. */
    private static List<SliceRows> cut(List<Group> groups, long mostTokens) {
        List<List<Group>> slices = new ArrayList<>();
        long tokens = 0;
        for (Group group : groups) {
            if (slices.isEmpty() || tokens + group.tokens() > mostTokens) {
                slices.add(new ArrayList<>());
                tokens = 0;
            }
            slices.getLast().add(group);
            tokens += group.tokens();
        }
        return slices.stream().map(SliceRows::of).toList();
    }

    /** Whatever lengths below the limits rows have: no slice of theirs takes more, and rows of the limits just as much. */
    @Test
    void noSliceOfShorterRowsTakesMore() {
        Random random = new Random(4);
        int numSmaller = 0;
        for (int run = 0; run < 3000; run++) {
            long sliceTokens = 20 + random.nextInt(400);
            int completions = 1 + random.nextInt(2);
            LongestPair longest = new LongestPair(
                    1 + random.nextInt(150), 1 + random.nextInt(150), completions, 1 + random.nextInt(completions));
            int microBatch = 1 + random.nextInt(12);
            ModelShape shape = randomShape(random);
            Optional<LoraSettings> lora = randomLora(random, shape);
            Recompute recompute = Recompute.values()[random.nextInt(Recompute.values().length)];
            HeadNumbers numbers = new HeadNumbers(longest.graded() < completions, false, false);
            ComputeType type = ComputeType.values()[random.nextInt(ComputeType.values().length)];
            long planned = SliceMemory.of(
                            shape,
                            lora,
                            type,
                            false,
                            recompute,
                            numbers,
                            SliceRows.largest(longest, microBatch, sliceTokens))
                    .total();
            double share = random.nextInt(4) == 0 ? 0 : random.nextDouble();
            List<Group> groups = new ArrayList<>();
            for (int row = 0; row < microBatch; row++) {
                groups.add(randomGroup(random, longest, share));
            }
            for (SliceRows rows : cut(groups, sliceTokens)) {
                long taken = SliceMemory.of(shape, lora, type, false, recompute, numbers, rows)
                        .total();
                assertThat(taken).as("%s in a slice of %s", rows, longest).isLessThanOrEqualTo(planned);
                numSmaller += taken < planned ? 1 : 0;
            }
        }
        assertThat(numSmaller).isGreaterThan(1000);
    }

    /** share: of a row's length that may be missing. */
    private static Group randomGroup(Random random, LongestPair longest, double share) {
        List<Long> completions = new ArrayList<>();
        for (int i = 0; i < longest.completions(); i++) {
            completions.add(
                    longest.completion() - Math.round(share * random.nextDouble() * (longest.completion() - 1)));
        }
        long prompt = longest.prompt() - Math.round(share * random.nextDouble() * (longest.prompt() - 1));
        return new Group(prompt, completions, longest.graded());
    }

    private static ModelShape randomShape(Random random) {
        long keyHeads = 1 + random.nextInt(3);
        return new ModelShape(
                50 + random.nextInt(3000),
                8 * (1 + random.nextInt(40)),
                8 * (1 + random.nextInt(90)),
                1 + random.nextInt(3),
                keyHeads * (1 + random.nextInt(4)),
                keyHeads,
                2 * (1 + random.nextInt(80)),
                1024,
                1e-6,
                10_000,
                Optional.empty(),
                false,
                random.nextBoolean(),
                random.nextBoolean(),
                new AttentionStyle(random.nextBoolean(), 0, List.of(), List.of()));
    }

    private static Optional<LoraSettings> randomLora(Random random, ModelShape shape) {
        List<LoraTarget> targets = new ArrayList<>();
        for (long layer = 0; layer < shape.numLayers(); layer++) {
            for (LoraModule module : LoraModule.values()) {
                if (random.nextInt(3) == 0) {
                    targets.add(new LoraTarget(layer, module, 1 + random.nextInt(70), 2));
                }
            }
        }
        return targets.isEmpty() || random.nextBoolean()
                ? Optional.empty()
                : Optional.of(new LoraSettings(targets, Set.of(), random.nextInt(2) * 0.1, 0));
    }
}

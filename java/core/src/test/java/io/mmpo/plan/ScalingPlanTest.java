package io.mmpo.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.mmpo.config.TrainingConfig;
import io.mmpo.plan.TrainingPlan.Choices;
import io.mmpo.spec.AttentionStyle;
import io.mmpo.spec.ModelShape;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** A step of several devices, by hand from Llama-3-8B's sizes. */
class ScalingPlanTest {
    private static final ModelShape LLAMA_3_8B = new ModelShape(
            128256,
            4096,
            14336,
            32,
            32,
            8,
            128,
            8192,
            1e-5,
            500_000,
            Optional.empty(),
            false,
            false,
            false,
            AttentionStyle.LLAMA);

    private static final double PARAMETERS = 8_030_261_248.0;
    private static final double EMBEDDING = 128256.0 * 4096;
    private static final double NVLINK = 450e9;
    private static final double LINK = 50e9;
    private static final double MEMORY = 3350e9;
    private static final double FLOPS = 400e12;

    private static ScalingPlan plan(int nodes, int perNode, Map<String, Object> keys) {
        Map<String, Object> all = new HashMap<>(Map.of(
                "model_name_or_path",
                "m",
                "dataset_name",
                "d.jsonl",
                "device",
                "cuda",
                "bf16",
                true,
                "max_length",
                512,
                "per_device_train_batch_size",
                2,
                "gradient_accumulation_steps",
                4));
        all.putAll(keys);
        TrainingConfig config = TrainingConfig.of(all);
        return ScalingPlan.of(
                config,
                new PlannedModel(LLAMA_3_8B, true),
                Choices.of(config, LLAMA_3_8B),
                new Cluster(nodes, perNode, LINK, NVLINK, MEMORY, FLOPS));
    }

    @Test
    void oneDeviceSendsNothing() {
        ScalingPlan plan = plan(1, 1, Map.of());
        assertThat(plan.bytesSent()).isZero();
        assertThat(plan.exposed() + plan.gather()).isZero();
        assertThat(plan.memory().exchange()).isZero();
        // AdamW: gradient, master weights and both moments, read and written but for the gradient, and the copy in
        // bfloat16.
        assertThat(plan.update()).isCloseTo(PARAMETERS * (4 + 8 + 16 + 2) / MEMORY, within(1e-9));
    }

    /** ZeRO's theory: (N - 1)/N of 4 bytes for each gradient, with every micro-batch, and of 2 bytes for each weight. */
    @Test
    void bytesAreThoseOfZero() {
        assertThat(plan(2, 4, Map.of()).bytesSent()).isCloseTo(7 / 8.0 * PARAMETERS * (4 * 4 + 2), within(1.0));
        assertThat(plan(2, 4, Map.of("zero_reduce", "step", "reduce_dtype", "bfloat16"))
                        .bytesSent())
                .isCloseTo(7 / 8.0 * PARAMETERS * (2 + 2), within(1.0));
        double adapter = 54_525_952;
        Map<String, Object> lora =
                Map.of("use_peft", true, "lora_r", 64, "lora_target_modules", "q_proj,k_proj,v_proj,o_proj");
        assertThat(plan(1, 8, lora).bytesSent()).isCloseTo(7 / 8.0 * adapter * (4 * 4 + 4), within(1.0));
    }

    /** The slower of the two ways decides: 4 of 8 devices are on the other machine, 3 on the same. */
    @Test
    void weightsTravelOverTheSlowerWay() {
        assertThat(plan(2, 4, Map.of()).gather()).isCloseTo(2 * PARAMETERS * 4 / 8 / LINK, within(1e-9));
        assertThat(plan(1, 8, Map.of()).gather()).isCloseTo(2 * PARAMETERS * 7 / 8 / NVLINK, within(1e-9));
    }

    /** Without overlap all is waited for; with it what the backward pass is too short for, and the last bucket: the embedding. */
    @Test
    void gradientsHideBehindTheBackwardPass() {
        double reduce = 4 * PARAMETERS * 4 / 8 / LINK;
        double last = 4 * EMBEDDING * 4 / 8 / LINK;
        assertThat(plan(2, 4, Map.of("overlap_comm", false)).exposed()).isCloseTo(4 * reduce, within(1e-9));
        double exposed = plan(2, 4, Map.of()).exposed();
        assertThat(exposed).isGreaterThan(last).isLessThan(4 * reduce);
        // Sixteen times the rows: the backward pass is longer than the exchange.
        ScalingPlan longer = plan(2, 4, Map.of("per_device_train_batch_size", 32, "max_length", 8192));
        assertThat(longer.exposed()).isCloseTo(last, within(1e-9));
        assertThat(longer.compute()).isGreaterThan(16 * plan(2, 4, Map.of()).compute());
    }

    /** float32 of gradient, master weights and two moments: 1/N of each, and what passes by. */
    @Test
    void memoryFallsWithTheNumberOfDevices() {
        long parameters = 8_030_261_248L;
        for (int devices : List.of(2, 4, 8)) {
            MemoryPlan memory = plan(1, devices, Map.of()).memory();
            assertThat(memory.masterWeights()).isEqualTo(4 * parameters / devices);
            assertThat(memory.optimizer()).isEqualTo(8 * parameters / devices);
            // A layer: two norms, q and o, k and v, and three of the MLP; the head with its norm; the embedding.
            long layer = 2 * 4096 + 2L * 4096 * 4096 + 2L * 4096 * 1024 + 3L * 4096 * 14336;
            long passing = layer + 2L * 128256 * 4096 + 4096;
            assertThat(memory.gradients()).isEqualTo(4 * (parameters / devices + passing));
            assertThat(memory.weights()).isEqualTo(2 * parameters);
        }
        MemoryPlan undivided = plan(1, 8, Map.of("zero_stage", 0)).memory();
        assertThat(undivided.optimizer()).isEqualTo(8 * parameters);
        assertThat(undivided.gradients()).isEqualTo(4 * parameters);
    }

    /** As ShardPlan's test has it (native/tests/dist/shard_plan_test.cpp): whole units, in the order of backward. */
    @Test
    void bucketsAreWholeUnits() {
        List<Long> buckets = ParameterSizes.ofModel(LLAMA_3_8B).buckets(8 << 20);
        assertThat(buckets).hasSize(34);
        assertThat(buckets.getFirst()).isEqualTo(128256L * 4096 + 4096);
        assertThat(buckets.getLast()).isEqualTo(128256L * 4096);
        assertThat(ParameterSizes.ofModel(LLAMA_3_8B).buckets(1L << 40)).containsExactly(8_030_261_248L);
    }
}

package io.mmpo.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.mmpo.SharedFiles;
import io.mmpo.config.TrainingConfig;
import io.mmpo.model.ModelFiles;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.AttentionStyle;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.LoraModule;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.LoraTarget;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.OptimizerSettings;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.Recompute;
import io.mmpo.spec.WholeMatrix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TrainingPlanTest {
    /** Llama-3-8B's config.json. */
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

    private static final Set<LoraModule> ATTENTION = EnumSet.of(LoraModule.Q, LoraModule.K, LoraModule.V, LoraModule.O);

    private static LoraSettings lora(Set<LoraModule> targets) {
        return LoraSettings.everywhere(32, 64, 1, 0.01, 0, targets);
    }

    /**
     * Counted by peft 0.21.2 and transformers 5.18 on the meta device: get_nb_trainable_parameters of LoraConfig(r=64, target_modules=...)
     * on LlamaForCausalLM of these sizes, and the model's own numel.
     */
    @Test
    void countsOfThePapersLargestModelArePefts() {
        assertThat(ParameterSizes.ofModel(LLAMA_3_8B).elements()).isEqualTo(8_030_261_248L);
        assertThat(LLAMA_3_8B.numParameters()).isEqualTo(8_030_261_248L);
        assertThat(ParameterSizes.ofAdapter(LLAMA_3_8B, lora(ATTENTION)).elements())
                .isEqualTo(54_525_952L);
        Set<LoraModule> all = EnumSet.allOf(LoraModule.class);
        assertThat(ParameterSizes.ofAdapter(LLAMA_3_8B, lora(all)).elements()).isEqualTo(167_772_160L);
        assertThat(lora(all).numParameters(LLAMA_3_8B)).isEqualTo(167_772_160L);
    }

    @Test
    void aConfigurationsAdapterIsCounted() {
        TrainingPlan plan = plan(
                Map.of("use_peft", true, "lora_r", 64, "lora_target_modules", "all-linear", "optim", "adamw_8bit"));
        assertThat(plan.trained()).isEqualTo(167_772_160L);
        assertThat(plan.parameters()).isEqualTo(8_030_261_248L + 167_772_160L);
        assertThat(plan.memory().gradients()).isEqualTo(4 * 167_772_160L);
        assertThat(plan.memory().weights()).isEqualTo(2 * (8_030_261_248L + 167_772_160L));
        assertThat(plan(Map.of("use_peft", true)).trainingFlopsPerPair())
                .isBetween(
                        0.6 * plan(Map.of()).trainingFlopsPerPair(),
                        0.75 * plan(Map.of()).trainingFlopsPerPair());
    }

    /** On the CPU under an adapter; what is trained whole is float32. */
    @Test
    void aBaseThatIsFrozenStaysInTheBfloat16OfItsFiles() {
        Map<String, Object> onCpu = Map.of("device", "cpu", "bf16", false);
        Map<String, Object> lora = new HashMap<>(onCpu);
        lora.put("use_peft", true);
        assertThat(plan(lora, true).memory().weights()).isEqualTo(2 * 8_030_261_248L);
        assertThat(plan(lora, true).type()).isEqualTo(ComputeType.FLOAT32_OVER_BFLOAT16);
        assertThat(plan(lora, false).memory().weights()).isEqualTo(4 * 8_030_261_248L);
        assertThat(plan(onCpu, true).memory().weights()).isEqualTo(4 * 8_030_261_248L);
        lora.put("device", "cuda");
        assertThat(plan(lora, true).memory().weights()).isEqualTo(4 * 8_030_261_248L);
    }

    /**
     * Of a layer q and o 4,096 by 4,096, k and v 1,024 by 4,096, gate, up and down 14,336 by 4,096, a byte each; four bytes for each of their
     * rows, and ones as many as the longest row.
     */
    @Test
    void aBaseInFp8TakesAByteForAWeightOfTheProjections() {
        Map<String, Object> lora = Map.of("use_peft", true, "lora_target_modules", "all-linear");
        Map<String, Object> overFp8 = new HashMap<>(lora);
        overFp8.put("base_precision", "fp8");
        long projections = 32 * (2 * 4096L * 4096 + 2 * 1024L * 4096 + 3 * 14336L * 4096);
        long rows = 32 * (4096 + 2 * 1024 + 4096 + 2 * 14336 + 4096);
        long before = plan(lora).memory().weights();
        assertThat(plan(overFp8).memory().weights()).isEqualTo(before - projections + 4 * rows + 4 * 14336);
    }

    /** Two matrices of 128,256 by 4,096 beside the adapter of two modules in one layer, of r 16: q 4,096 to 4,096, v to 1,024. */
    @Test
    void modulesToSaveAndPartialTargetsAreCounted() {
        TrainingPlan plan = plan(Map.of(
                "use_peft",
                true,
                "lora_target_modules",
                List.of("layers.0.self_attn.q_proj", "model.layers.0.self_attn.v_proj"),
                "modules_to_save",
                List.of("embed_tokens", "lm_head")));
        long trained = 16L * (4096 + 4096) + 16L * (4096 + 1024) + 2L * 128256 * 4096;
        assertThat(plan.trained()).isEqualTo(trained);
        assertThat(plan.memory().gradients()).isEqualTo(4 * trained);
    }

    /** Weights, gradients and optimizer state are what a trainer holds, to the byte. */
    @ParameterizedTest
    @CsvSource({
        "tiny_llama/tied, FLOAT32, ADAMW, false, true",
        "tiny_llama/tied, BFLOAT16, ADAMW_8BIT, false, true",
        "tiny_llama/untied_llama3_rope, BFLOAT16, ADAMW, false, true",
        "tiny_llama/untied_llama3_rope, BFLOAT16, ADAMW, false, false",
        "tiny_llama/untied_llama3_rope, FLOAT32, ADAMW_8BIT, true, true",
        "tiny_llama/tied, BFLOAT16, ADAMW, true, false",
        "models/qwen3, BFLOAT16, ADAMW_8BIT, false, true"
    })
    void whatATrainerHolds(
            String variant, ComputeType type, OptimizerType optimizer, boolean adapted, boolean masters) {
        LoraSettings attention = LoraSettings.everywhere(3, 64, 1, 0, 0, ATTENTION);
        whatATrainerHolds(variant, type, optimizer, adapted ? Optional.of(attention) : Optional.empty(), masters);
    }

    @Test
    void whatATrainerOfSomeModulesAndWholeMatricesHolds() {
        List<LoraTarget> targets =
                List.of(new LoraTarget(2, LoraModule.UP, 70, 1), new LoraTarget(0, LoraModule.Q, 3, 2));
        for (Set<WholeMatrix> whole : List.of(
                Set.of(WholeMatrix.EMBEDDING, WholeMatrix.HEAD), Set.of(WholeMatrix.HEAD), Set.of(WholeMatrix.TIED))) {
            Optional<LoraSettings> lora = Optional.of(new LoraSettings(targets, whole, 0, 0));
            whatATrainerHolds("tiny_llama/tied", ComputeType.BFLOAT16, OptimizerType.ADAMW_8BIT, lora, true);
        }
    }

    private static void whatATrainerHolds(
            String variant, ComputeType type, OptimizerType optimizer, Optional<LoraSettings> lora, boolean masters) {
        boolean adapted = lora.isPresent();
        OptimizerSettings settings = new OptimizerSettings(optimizer, 0.9, 0.999, 1e-8, 0, Recompute.NONE, masters);
        try (ModelFiles files = ModelFiles.open(SharedFiles.path("golden/" + variant));
                NativeModel model = files.load(type)) {
            lora.ifPresent(chosen -> model.setAdapter(chosen, List.of()));
            ModelShape shape = files.config().shape();
            boolean bf16 = type == ComputeType.BFLOAT16;
            SliceMemory noSlice = new SliceMemory(0, 0, 0, 0, 0);
            MemoryPlan plan = MemoryPlan.of(shape, lora, optimizer, type, masters, true, 10, noSlice);
            try (NativeTrainer trainer = NativeTrainer.create(model, settings)) {
                assertThat(plan.gradients()).isEqualTo(bytes(trainer.gradients()));
                assertThat(plan.optimizer()).isEqualTo(bytes(trainer.optimizerState()));
                assertThat(plan.masterWeights())
                        .isEqualTo(bf16 && masters || adapted ? bytes(trainer.parameters()) : 0);
                long copy = bf16 && adapted ? bytes(trainer.parameters()) / 2 : 0;
                assertThat(plan.weights()).isEqualTo(bytes(model.parameters()) + copy);
            }
        }
    }

    private static long bytes(List<Tensor> tensors) {
        return tensors.stream().mapToLong(tensor -> tensor.data().byteSize()).sum();
    }

    @Test
    void constantsAreTheCores() throws IOException {
        assertThat(constant("logprob/linear_logp.h", "kGpuLogitBytes = int64_t\\{(\\d+)\\} << 20") << 20)
                .isEqualTo(SliceMemory.GPU_LOGIT_BYTES);
        assertThat(constant("logprob/linear_logp.h", "kCpuLogitBytes = int64_t\\{(\\d+)\\} << 20") << 20)
                .isEqualTo(SliceMemory.CPU_LOGIT_BYTES);
        assertThat(constant("model/batch_slices.h", "kGpuSliceTokens = (\\d+);"))
                .isEqualTo(SliceRows.GPU_SLICE_TOKENS);
        assertThat(constant("model/batch_slices.h", "kCpuSliceTokens = (\\d+);"))
                .isEqualTo(SliceRows.CPU_SLICE_TOKENS);
        assertThat(constant("optim/adam8bit.h", "kAdam8bitMinSize = (\\d+);"))
                .isEqualTo(ParameterSizes.SMALLEST_OF_8_BIT);
        assertThat(constant("kernels/arguments.h", "kAdam8bitBlock = (\\d+);")).isEqualTo(ParameterSizes.BLOCK);
        assertThat(constant("kernels/arguments.h", "kWeightGradientBlock = (\\d+);"))
                .isEqualTo(SliceMemory.WEIGHT_GRADIENT_BLOCK);
    }

    @Test
    void theHeapIsTheLaunchers() throws IOException {
        Path root = Path.of(System.getProperty("mmpo.root", "../.."));
        assertThat(Files.readString(root.resolve("tools/start.sh")))
                .contains(" -Xms" + (RuntimeMemory.HEAP >> 20) + "m ");
    }

    /** Of a GPU's memory the process takes none. */
    @Test
    void aProcessOnTheCpuIsThereBesideWhatItTrains() {
        assertThat(plan(Map.of()).memory().runtime()).isZero();
        assertThat(plan(Map.of("device", "cpu")).memory().runtime()).isEqualTo(RuntimeMemory.bytes(128256));
    }

    private static long constant(String header, String pattern) throws IOException {
        Path root = Path.of(System.getProperty("mmpo.root", "../.."));
        Matcher matcher = Pattern.compile(pattern)
                .matcher(Files.readString(root.resolve("native/src").resolve(header)));
        assertThat(matcher.find()).as(pattern + " in " + header).isTrue();
        return Long.parseLong(matcher.group(1));
    }

    /** Derived by hand: 14 bytes a parameter, of which adamw_8bit saves nearly 6 for all but the embedding's 525M. */
    @Test
    void fullTrainingOfEightBillionParameters() {
        MemoryPlan whole = plan(Map.of()).memory();
        assertThat(whole.weights()).isEqualTo(2 * 8_030_261_248L);
        assertThat(whole.masterWeights()).isEqualTo(4 * 8_030_261_248L);
        assertThat(whole.gradients()).isEqualTo(4 * 8_030_261_248L);
        assertThat(whole.optimizer()).isEqualTo(8 * 8_030_261_248L);
        long quantized = 8_030_261_248L - 128256L * 4096;
        assertThat((double) plan(Map.of("optim", "adamw_8bit")).memory().optimizer())
                .isCloseTo(8.0 * 128256 * 4096 + quantized * (2 + 8 / 256.0), within(1e6 * 6));
        assertThat(whole.total())
                .isEqualTo(whole.weights()
                        + whole.masterWeights()
                        + whole.gradients()
                        + whole.optimizer()
                        + whole.tables()
                        + whole.slice().total());
    }

    @Test
    void lengthsAndRecomputationDecideTheActivations() {
        TrainingPlan paper = plan(Map.of("max_length", 2312, "max_prompt_length", 1800, "max_completion_length", 512));
        assertThat(paper.pairTokens()).isEqualTo(1800 + 2 * 512);
        assertThat(paper.sliceTokens()).isEqualTo(2 * paper.pairTokens());
        // One row and layer: input 4096, q k v 6144, attended 4096, middle 4096, gate and up 28672; two bytes each;
        // 34 floats. Of each completion one token has no row: 2 * (1800 + 2 * 511) of them.
        assertThat(paper.memory().slice().activations()).isEqualTo(32 * 5644L * (2 * 47104 + 4 * 34));
        long all = plan(Map.of(
                        "max_length",
                        2312,
                        "max_prompt_length",
                        1800,
                        "max_completion_length",
                        512,
                        "gradient_checkpointing",
                        false))
                .memory()
                .slice()
                .activations();
        assertThat(all).isEqualTo(32 * 5644L * (2 * (47104 + 2 * 4096 + 14336) + 4 * 34));
        assertThat(plan(Map.of("max_length", 100)).pairTokens()).isEqualTo(1 + 2 * 99);
        assertThat(plan(Map.of("max_length", 100, "loss_type", "sft")).pairTokens())
                .isEqualTo(100);
    }

    /** One token: the norms' outputs and the activation are made again. */
    @Test
    void layersShareWhatTheyDoNotKeep() {
        Map<String, Object> lengths =
                Map.of("max_length", 2312, "max_prompt_length", 1800, "max_completion_length", 512);
        assertThat(plan(lengths).memory().slice().shared()).isEqualTo(5644L * 2 * (2 * 4096 + 14336));
        Map<String, Object> none = new HashMap<>(lengths);
        none.put("gradient_checkpointing", false);
        assertThat(plan(none).memory().slice().shared()).isZero();
    }

    /**
     * 5,644 rows: gradients of 14336 + 2 * 4096 + 4096 + 6144, and attention's: keys and values of four sequences of 2,311 gathered, the
     * gradients of queries, keys and values, those of every head, and floats of 33 blocks' rows. Logits: 4 * 512 rows over 128,256 tokens
     * in bfloat16, of which a CPU holds 160 MiB, their gradient, the head's input before and after its norm, floats of its rows, two
     * pairs.
     */
    @Test
    void theLargerOfLogitsAndALayersGradientsPasses() {
        Map<String, Object> lengths = new HashMap<>(Map.of(
                "max_length", 2312, "max_prompt_length", 1800, "max_completion_length", 512, "loss_type", "dpo"));
        long keys = 4 * 2311L;
        long attention =
                16 + 2 * (5644L * 4096 + keys * (2048 + 2048 + 2 * 4096)) + 4 * (5644L + 4 * 128) * 32 * (128 + 1);
        SliceMemory slice = plan(lengths).memory().slice();
        assertThat(slice.passing()).isEqualTo(2 * 5644L * (14336 + 2 * 4096 + 4096 + 6144));
        assertThat(slice.attention()).isEqualTo(attention);
        Map<String, Object> shortPrompts = new HashMap<>(
                Map.of("max_length", 520, "max_prompt_length", 8, "max_completion_length", 512, "loss_type", "dpo"));
        SliceMemory ofLogits = plan(shortPrompts).memory().slice();
        assertThat(ofLogits.passing()).isEqualTo(2048L * (128256 * 2 + 3 * 4096 * 2 + 2 * 4) + 2 * 72);
        assertThat(ofLogits.attention()).isZero();
        shortPrompts.put("device", "cpu");
        assertThat(plan(shortPrompts).memory().slice().passing()).isLessThan((160L << 20) + (1L << 30));
    }

    /** A slice is its device's tokens, or one pair where that is longer. */
    @Test
    void moreRowsThanFitASliceTakeHardlyMoreMemory() {
        TrainingPlan full = plan(Map.of("max_length", 600, "per_device_train_batch_size", 7));
        assertThat(full.pairTokens()).isEqualTo(1 + 2 * 599);
        assertThat(full.sliceTokens()).isEqualTo(8192);
        MemoryPlan more = plan(Map.of("max_length", 600, "per_device_train_batch_size", 70))
                .memory();
        assertThat(more.slice().activations()).isEqualTo(full.memory().slice().activations());
        // Flash attention has room behind every sequence, and shorter rows are more of them.
        assertThat(more.total())
                .isBetween(full.memory().total(), (long) (1.01 * full.memory().total()));
        assertThat(plan(Map.of("max_length", 600, "per_device_train_batch_size", 6))
                        .sliceTokens())
                .isEqualTo(6 * 1199);
        assertThat(plan(Map.of("max_length", 600, "device", "cpu")).sliceTokens())
                .isEqualTo(1536);
        assertThat(plan(Map.of("max_length", 1000, "device", "cpu")).sliceTokens())
                .isEqualTo(1 + 2 * 999);
    }

    /** The usual rule: six operations a parameter and token, here with the head on completions alone. */
    @Test
    void operationsAreThoseOfTheUsualRule() {
        Map<String, Object> lengths =
                Map.of("max_length", 1000, "max_prompt_length", 500, "max_completion_length", 500, "loss_type", "sft");
        double matrices = 8_030_261_248.0 - 2 * 128256.0 * 4096 - 65 * 4096;
        double head = 128256.0 * 4096;
        double attention = 3.5 * 32 * 4 * 4096 * (1000.0 * 1000 / 2);
        assertThat(plan(lengths).trainingFlopsPerPair())
                .isCloseTo(6 * matrices * 1000 + 6 * head * 500 + attention, within(1e6));
        // lambda = 1 goes through prompt and chosen response alone, and needs the reference's forward
        Map<String, Object> mmpo = new HashMap<>(lengths);
        mmpo.put("loss_type", "mmpo");
        assertThat(plan(mmpo).trainingFlopsPerPair()).isEqualTo(plan(lengths).trainingFlopsPerPair());
        assertThat(plan(mmpo).referenceFlopsPerPair()).isGreaterThan(2 * matrices * 1500);
        Map<String, Object> dpo = new HashMap<>(lengths);
        dpo.put("loss_type", "dpo");
        assertThat(plan(dpo).trainingFlopsPerPair()).isGreaterThan(6 * matrices * 1500 + 8 * head * 1000);
    }

    private static TrainingPlan plan(Map<String, Object> more) {
        return plan(more, true);
    }

    private static TrainingPlan plan(Map<String, Object> more, boolean storedInBfloat16) {
        Map<String, Object> keys = new HashMap<>(
                Map.of("model_name_or_path", "llama", "dataset_name", "pairs.jsonl", "per_device_train_batch_size", 2));
        keys.putAll(more);
        TrainingConfig config = TrainingConfig.of(keys);
        return TrainingPlan.of(
                config, new PlannedModel(LLAMA_3_8B, storedInBfloat16), TrainingPlan.Choices.of(config, LLAMA_3_8B));
    }
}

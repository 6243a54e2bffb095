package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.SharedFiles;
import io.mmpo.model.ModelFiles;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.LoraModule;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.LossType;
import io.mmpo.spec.Objective;
import io.mmpo.spec.OptimizerSettings;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.Recompute;
import io.mmpo.spec.RewardRange;
import io.mmpo.spec.Sampling;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NativeModelTest {
    private static final Objective DPO = Objective.of(LossType.DPO, Objective.Coefficients.ofBeta(0.1), 1);

    private ModelFiles files;

    @BeforeEach
    void openFiles() {
        files = ModelFiles.open(SharedFiles.path("golden/tiny_llama/tied"));
    }

    @AfterEach
    void closeFiles() {
        if (files != null) {
            files.close();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tied", "untied_llama3_rope"})
    void logProbabilitiesEqualTransformers(String name) throws IOException {
        GoldenLlama golden = new GoldenLlama(name);
        try (ModelFiles model = ModelFiles.open(SharedFiles.path("golden/tiny_llama/" + name));
                NativeModel llama = NativeModel.create(model.config().shape(), model.weights(), ComputeType.FLOAT32)) {
            float[][] tokenLogps = llama.tokenLogps(golden.batch());
            JsonNode tokens = golden.model.at("/full/float64/tokens");
            for (int i = 0; i < golden.prompts.size(); i++) {
                assertClose(tokenLogps[2 * i], tokens.get(i).get("chosen_token_logps"));
                assertClose(tokenLogps[2 * i + 1], tokens.get(i).get("rejected_token_logps"));
            }
            assertThat(llama.logps(golden.batch()))
                    .containsExactly(
                            golden.interleaved("/full/float64", "chosen_logps", "rejected_logps"), within(5e-5));
        }
    }

    private static void assertClose(float[] found, JsonNode expected) {
        assertThat(found).hasSize(expected.size());
        for (int i = 0; i < found.length; i++) {
            assertThat((double) found[i]).isCloseTo(expected.get(i).asDouble(), within(1e-5));
        }
    }

    @Test
    void lossesEqualTheGoldenOnes() throws IOException {
        GoldenLlama golden = new GoldenLlama("tied");
        try (NativeModel llama = create()) {
            BatchResult result = llama.evaluate(golden.batch(), DPO, golden.refLogps());
            for (int i = 0; i < 3; i++) {
                assertThat(result.losses()[i])
                        .isCloseTo(
                                golden.model
                                        .at("/full/float64/losses/dpo")
                                        .get(i)
                                        .asDouble(),
                                within(1e-4));
                assertThat(result.rewards()[2 * i])
                        .isCloseTo(0.1 * (result.logps()[2 * i] - golden.refLogps()[2 * i]), within(1e-12));
            }
        }
    }

    @Test
    void aGivenRewardRangeIsUsed() throws IOException {
        GoldenLlama golden = new GoldenLlama("tied");
        Objective mmpo = Objective.of(LossType.MMPO, Objective.Coefficients.ofBeta(0.01), 1);
        try (NativeModel llama = create()) {
            // Rewards r + 0.01 * ref lie in [-0.9, 0.9]; s = logp + (R - minimum) / (maximum - minimum).
            BatchResult result = llama.evaluate(golden.batch(), mmpo, golden.refLogps(), new RewardRange(-100, 100));
            double reward = 0.9 + 0.01 * golden.refLogps()[0];
            assertThat(result.rewards()[0] - result.logps()[0]).isCloseTo((reward + 100) / 200, within(1e-6));
        }
    }

    @Test
    void generatesGreedilyWhatScoringFindsLikeliest() {
        int[] prompt = {1, 5, 9};
        try (NativeModel llama = create()) {
            int[][] generated = llama.generate(List.of(prompt, new int[] {1, 2}), new int[0], Sampling.greedy(4));
            assertThat(generated).hasDimensions(2, 4);
            int first = generated[0][0];
            double best = llama.logps(PackedBatch.of(List.of(prompt), List.<int[][]>of(new int[][] {{first}})))[0];
            int[][] all =
                    IntStream.range(0, 320).mapToObj(token -> new int[] {token}).toArray(int[][]::new);
            double[] logps = llama.logps(PackedBatch.of(List.of(prompt), List.<int[][]>of(all)));
            for (double logp : logps) {
                assertThat(logp).isLessThanOrEqualTo(best + 1e-6);
            }
            int[][] stopped = llama.generate(List.of(prompt), new int[] {7, first}, Sampling.greedy(4));
            assertThat(stopped[0]).containsExactly(first);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tied", "untied_llama3_rope"})
    void parametersAreTheGoldenOnes(String name) throws IOException {
        JsonNode shapes = new GoldenLlama(name).model.get("param_shapes");
        try (ModelFiles model = ModelFiles.open(SharedFiles.path("golden/tiny_llama/" + name));
                NativeModel llama = NativeModel.create(model.config().shape(), model.weights(), ComputeType.FLOAT32)) {
            List<Tensor> parameters = llama.parameters();
            assertThat(parameters).hasSize(shapes.size());
            for (Tensor parameter : parameters) {
                assertThat(GoldenLlama.ints(shapes.get(parameter.name())))
                        .containsExactly(Arrays.stream(parameter.shape())
                                .mapToInt(Math::toIntExact)
                                .toArray());
                assertThat(parameter.data().isReadOnly()).isTrue();
                Tensor stored = model.weights().stream()
                        .filter(w -> w.name().equals(parameter.name()))
                        .findFirst()
                        .orElseThrow();
                assertThat(parameter.data().mismatch(stored.data())).isEqualTo(-1);
            }
        }
    }

    @Test
    void bfloat16ParametersAreRoundedOnes() {
        try (NativeModel llama = NativeModel.create(files.config().shape(), files.weights(), ComputeType.BFLOAT16)) {
            Tensor norm = llama.parameters().stream()
                    .filter(w -> w.name().equals("model.norm.weight"))
                    .findFirst()
                    .orElseThrow();
            assertThat(norm.dtype()).isEqualTo("BF16");
            Tensor stored = stored("model.norm.weight");
            for (int i = 0; i < norm.numElements(); i++) {
                float rounded = Float.intBitsToFloat(norm.data().getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
                float exact = stored.data().getAtIndex(ValueLayout.JAVA_FLOAT, i);
                assertThat(rounded).isCloseTo(exact, within(Math.abs(exact) / 256));
            }
        }
    }

    @Test
    void badWeightsAreNamed() {
        Tensor norm = stored("model.norm.weight");
        assertInvalid(without("model.norm.weight"), "model.norm.weight");
        List<Tensor> misshaped = without("model.norm.weight");
        misshaped.add(new Tensor(norm.name(), new long[] {1, norm.numElements()}, "F32", norm.data()));
        assertInvalid(misshaped, "model.norm.weight");
        List<Tensor> unknown = without("");
        unknown.add(new Tensor("model.extra.weight", norm.shape(), "F32", norm.data()));
        assertInvalid(unknown, "model.extra.weight");
        MemorySegment nan = Arena.ofAuto().allocate(norm.data().byteSize(), 4).copyFrom(norm.data());
        nan.setAtIndex(ValueLayout.JAVA_FLOAT, 7, Float.NaN);
        List<Tensor> notFinite = without("model.norm.weight");
        notFinite.add(new Tensor(norm.name(), norm.shape(), "F32", nan));
        assertInvalid(notFinite, "model.norm.weight");
    }

    private void assertInvalid(List<Tensor> weights, String name) {
        assertThatThrownBy(() -> NativeModel.create(files.config().shape(), weights, ComputeType.FLOAT32))
                .isInstanceOf(NativeException.class)
                .hasMessageContaining(name)
                .extracting(e -> ((NativeException) e).status())
                .isEqualTo(NativeException.Status.INVALID_MODEL);
    }

    @Test
    void aBatchThatTheModelCannotTakeIsRefused() {
        try (NativeModel llama = create()) {
            PackedBatch beyondVocabulary =
                    PackedBatch.of(List.of(new int[] {1}), List.<int[][]>of(new int[][] {{320}}));
            assertThatThrownBy(() -> llama.logps(beyondVocabulary))
                    .isInstanceOf(NativeException.class)
                    .hasMessageContaining("320")
                    .extracting(e -> ((NativeException) e).status())
                    .isEqualTo(NativeException.Status.INVALID_ARGUMENT);
            PackedBatch one = PackedBatch.of(List.of(new int[] {1}), List.<int[][]>of(new int[][] {{2}, {3}}));
            assertThatThrownBy(() -> llama.evaluate(one, DPO, new double[1])).hasMessageContaining("wanted 2, got 1");
            assertThatThrownBy(() -> llama.evaluate(one, DPO, null)).isInstanceOf(NativeException.class);
            assertThatThrownBy(() -> llama.generate(List.of(), new int[0], Sampling.greedy(1)))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void useAfterCloseIsAnError() {
        NativeModel llama = create();
        Tensor parameter = llama.parameters().getFirst();
        llama.close();
        llama.close();
        assertThatThrownBy(llama::parameters)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("this model is closed");
        assertThatThrownBy(() -> parameter.data().get(ValueLayout.JAVA_FLOAT, 0))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    void threadsTakeTurns() throws Exception {
        PackedBatch batch = new GoldenLlama("tied").batch();
        try (NativeModel llama = create()) {
            double[] expected = llama.logps(batch);
            List<Thread> threads = new ArrayList<>();
            List<double[]> results = Collections.synchronizedList(new ArrayList<>());
            for (int i = 0; i < 8; i++) {
                threads.add(Thread.startVirtualThread(() -> results.add(llama.logps(batch))));
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertThat(results).hasSize(8).allSatisfy(logps -> assertThat(logps).containsExactly(expected));
        }
    }

    private NativeModel create() {
        return NativeModel.create(files.config().shape(), files.weights(), ComputeType.FLOAT32);
    }

    private Tensor stored(String name) {
        return files.weights().stream()
                .filter(w -> w.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private List<Tensor> without(String name) {
        List<Tensor> weights = new ArrayList<>(files.weights());
        weights.removeIf(w -> w.name().equals(name));
        return weights;
    }

    @Test
    void aFreshAdapterChangesNothingAndIsTrainedAlone() throws IOException {
        GoldenLlama golden = new GoldenLlama("tied");
        LoraSettings lora = LoraSettings.everywhere(3, 3, 2, 0.1, 5, Set.of(LoraModule.Q, LoraModule.DOWN));
        OptimizerSettings optimizer =
                new OptimizerSettings(OptimizerType.ADAMW, 0.9, 0.999, 1e-8, 0, Recompute.SELECTIVE, true);
        try (NativeModel model = NativeModel.create(files.config().shape(), files.weights(), ComputeType.FLOAT32)) {
            double[] base = model.logps(golden.batch());
            assertThat(model.trainableParameters()).hasSameSizeAs(model.parameters());
            model.setAdapter(lora, List.of());
            assertThat(model.logps(golden.batch())).containsExactly(base);
            assertThat(model.adapterParameters().stream()
                            .mapToLong(Tensor::numElements)
                            .sum())
                    .isEqualTo(lora.numParameters(files.config().shape()));
            NativeTrainer trainer = NativeTrainer.create(model, optimizer);
            assertThat(trainer.parameters())
                    .extracting(Tensor::name)
                    .containsExactlyElementsOf(
                            model.adapterParameters().stream().map(Tensor::name).toList());
            trainer.accumulate(golden.batch(), DPO, golden.refLogps());
            trainer.step(1e-2, 1);
            assertThat(model.logps(golden.batch())).isNotEqualTo(base);
            assertThat(model.trainableParameters()).hasSameSizeAs(model.adapterParameters());
            try (NativeModel other = NativeModel.create(files.config().shape(), files.weights(), ComputeType.FLOAT32)) {
                other.setAdapter(lora, model.adapterParameters());
                assertThat(other.logps(golden.batch())).containsExactly(model.logps(golden.batch()));
                assertThatThrownBy(() -> other.setAdapter(lora, List.of()))
                        .isInstanceOf(NativeException.class)
                        .hasMessageContaining("adapter already");
            }
        }
    }
}

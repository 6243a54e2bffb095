package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.mmpo.SharedFiles;
import io.mmpo.model.ModelFiles;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.LossType;
import io.mmpo.spec.Objective;
import io.mmpo.spec.OptimizerSettings;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.Recompute;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class NativeTrainerTest {
    private static final Objective DPO = Objective.of(LossType.DPO, Objective.Coefficients.ofBeta(0.1), 1.0 / 3);

    private GoldenLlama golden;
    private NativeModel model;

    @BeforeEach
    void makeModel() throws IOException {
        golden = new GoldenLlama("tied");
        model = create(ComputeType.FLOAT32);
    }

    @AfterEach
    void closeModel() {
        if (model != null) {
            model.close();
        }
    }

    private static NativeModel create(ComputeType type) {
        try (ModelFiles files = ModelFiles.open(SharedFiles.path("golden/tiny_llama/tied"))) {
            return files.load(type);
        }
    }

    private static OptimizerSettings settings(Recompute recompute) {
        return settings(OptimizerType.ADAMW, recompute);
    }

    private static OptimizerSettings settings(OptimizerType type, Recompute recompute) {
        return new OptimizerSettings(type, 0.9, 0.999, 1e-8, 0, recompute, true);
    }

    @ParameterizedTest
    @EnumSource(Recompute.class)
    void gradientsEqualTheGoldenOnes(Recompute recompute) {
        try (NativeTrainer trainer = NativeTrainer.create(model, settings(recompute))) {
            BatchResult result = trainer.accumulate(golden.batch(), DPO, golden.refLogps());
            for (int i = 0; i < 3; i++) {
                assertThat(result.losses()[i])
                        .isCloseTo(
                                golden.model
                                        .at("/full/float64/losses/dpo")
                                        .get(i)
                                        .asDouble(),
                                within(1e-4));
            }
            for (Tensor gradient : trainer.gradients()) {
                double sum = 0;
                for (float value : gradient.data().toArray(ValueLayout.JAVA_FLOAT)) {
                    sum += (double) value * value;
                }
                double expected = golden.model
                        .at("/full/float64/grads/dpo/params")
                        .get(gradient.name())
                        .get("norm")
                        .asDouble();
                assertThat(Math.sqrt(sum)).as(gradient.name()).isCloseTo(expected, within(1e-4 * expected));
            }
            assertThat(trainer.gradients()).hasSameSizeAs(model.parameters());
            double norm = golden.model.at("/full/float64/grads/dpo/global_norm").asDouble();
            assertThat(trainer.step(1e-3, 0)).isCloseTo(norm, within(1e-4 * norm));
            assertThat(trainer.numSteps()).isEqualTo(1);
        }
    }

    @Test
    void stateHasTheModelsNamesAndIsWritable() {
        try (NativeTrainer trainer = NativeTrainer.create(model, settings(OptimizerType.ADAMW_8BIT, Recompute.NONE))) {
            List<Tensor> parameters = model.parameters();
            List<Tensor> trained = trainer.parameters();
            for (int i = 0; i < parameters.size(); i++) {
                assertThat(trained.get(i).name()).isEqualTo(parameters.get(i).name());
                assertThat(trained.get(i).shape()).isEqualTo(parameters.get(i).shape());
                assertThat(trained.get(i).data().mismatch(parameters.get(i).data()))
                        .isEqualTo(-1);
            }
            assertThat(trainer.optimizerState())
                    .extracting(tensor -> tensor.name() + " " + tensor.dtype() + " " + Arrays.toString(tensor.shape()))
                    .contains(
                            "exp_avg.model.embed_tokens.weight F32 [320, 64]",
                            "exp_avg_sq.model.norm.weight F32 [64]",
                            "exp_avg.model.layers.1.mlp.down_proj.weight U8 [64, 172]",
                            "exp_avg_sq_absmax.model.layers.1.mlp.down_proj.weight F32 [43]",
                            "exp_avg.model.layers.1.self_attn.q_proj.weight U8 [64, 64]",
                            "exp_avg.model.layers.1.self_attn.k_proj.weight F32 [32, 64]");
        }
    }

    @ParameterizedTest
    @CsvSource({"FLOAT32, ADAMW", "BFLOAT16, ADAMW", "FLOAT32, ADAMW_8BIT", "BFLOAT16, ADAMW_8BIT"})
    void restoredStateContinuesToTheBit(ComputeType type, OptimizerType optimizer) {
        try (NativeModel first = create(type);
                NativeTrainer one = NativeTrainer.create(first, settings(optimizer, Recompute.NONE));
                NativeModel second = create(type);
                NativeTrainer two = NativeTrainer.create(second, settings(optimizer, Recompute.NONE))) {
            train(one);
            copy(one.parameters(), two.parameters());
            copy(one.optimizerState(), two.optimizerState());
            two.restore(one.numSteps());
            assertThat(second.logps(golden.batch())).containsExactly(first.logps(golden.batch()));
            train(one);
            train(two);
            assertThat(two.numSteps()).isEqualTo(2);
            for (int i = 0; i < one.parameters().size(); i++) {
                Tensor parameter = one.parameters().get(i);
                assertThat(two.parameters().get(i).data().mismatch(parameter.data()))
                        .as(parameter.name())
                        .isEqualTo(-1);
            }
        }
    }

    private static void copy(List<Tensor> sources, List<Tensor> targets) {
        for (int i = 0; i < sources.size(); i++) {
            targets.get(i).data().copyFrom(sources.get(i).data());
        }
    }

    private void train(NativeTrainer trainer) {
        trainer.accumulate(golden.batch(), DPO, golden.refLogps());
        trainer.step(1e-3, 1);
    }

    @Test
    void aGradientThatIsNotFiniteChangesNothing() {
        try (NativeTrainer trainer = NativeTrainer.create(model, settings(Recompute.NONE))) {
            double[] before = model.logps(golden.batch());
            trainer.accumulate(golden.batch(), DPO, golden.refLogps());
            trainer.gradients().getFirst().data().set(ValueLayout.JAVA_FLOAT, 0, Float.POSITIVE_INFINITY);
            assertThatThrownBy(() -> trainer.step(1e-3, 1))
                    .isInstanceOf(NativeException.class)
                    .extracting(e -> ((NativeException) e).status())
                    .isEqualTo(NativeException.Status.NON_FINITE);
            assertThat(trainer.numSteps()).isZero();
            assertThat(model.logps(golden.batch())).containsExactly(before);
        }
    }

    @Test
    void useAfterCloseIsAnError() {
        NativeTrainer trainer = NativeTrainer.create(model, settings(Recompute.NONE));
        MemorySegment state = trainer.parameters().getFirst().data();
        trainer.close();
        trainer.close();
        assertThatThrownBy(trainer::numSteps)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("this trainer is closed");
        assertThatThrownBy(() -> state.get(ValueLayout.JAVA_FLOAT, 0)).isInstanceOf(IllegalStateException.class);
        assertThat(model.logps(golden.batch())).hasSize(6);
    }

    @Test
    void closingTheModelClosesItsTrainersFirst() {
        NativeTrainer trainer = NativeTrainer.create(model, settings(Recompute.NONE));
        model.close();
        assertThatThrownBy(trainer::numSteps)
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("this trainer is closed");
        trainer.close();
        assertThatThrownBy(() -> NativeTrainer.create(model, settings(Recompute.NONE)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("this model is closed");
    }
}

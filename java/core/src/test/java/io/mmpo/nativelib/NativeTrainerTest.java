package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.mmpo.SharedFiles;
import io.mmpo.model.ModelFiles;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class NativeTrainerTest {
    private static final Objective DPO = new Objective(LossType.DPO, 0.1, 0.9, 1, 0, 0, 1.0 / 3, false, true, true);

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
        return new OptimizerSettings(0.9, 0.999, 1e-8, 0, recompute);
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
            List<Weights> parameters = model.parameters();
            MemorySegment gradients = trainer.gradients();
            for (int i = 0; i < parameters.size(); i++) {
                double sum = 0;
                for (long j = 0; j < parameters.get(i).numElements(); j++) {
                    float gradient = gradients.getAtIndex(ValueLayout.JAVA_FLOAT, trainer.stateOffset(i) + j);
                    sum += (double) gradient * gradient;
                }
                double expected = golden.model
                        .at("/full/float64/grads/dpo/params")
                        .get(parameters.get(i).name())
                        .get("norm")
                        .asDouble();
                assertThat(Math.sqrt(sum)).as(parameters.get(i).name()).isCloseTo(expected, within(1e-4 * expected));
            }
            double norm = golden.model.at("/full/float64/grads/dpo/global_norm").asDouble();
            assertThat(trainer.step(1e-3, 0)).isCloseTo(norm, within(1e-4 * norm));
            assertThat(trainer.numSteps()).isEqualTo(1);
        }
    }

    @Test
    void stateIsThatOfTheModelAndIsWritable() {
        try (NativeTrainer trainer = NativeTrainer.create(model, settings(Recompute.NONE))) {
            MemorySegment flat = trainer.parameters();
            assertThat(flat.byteSize())
                    .isEqualTo(trainer.expAvg().byteSize())
                    .isEqualTo(trainer.expAvgSq().byteSize());
            List<Weights> parameters = model.parameters();
            for (int i = 0; i < parameters.size(); i++) {
                MemorySegment data = parameters.get(i).data();
                assertThat(flat.asSlice(4 * trainer.stateOffset(i), data.byteSize())
                                .mismatch(data))
                        .isEqualTo(-1);
            }
            assertThatThrownBy(() -> trainer.stateOffset(parameters.size())).isInstanceOf(NativeException.class);
        }
    }

    @ParameterizedTest
    @EnumSource(ComputeType.class)
    void restoredStateContinuesToTheBit(ComputeType type) {
        try (NativeModel first = create(type);
                NativeTrainer one = NativeTrainer.create(first, settings(Recompute.NONE));
                NativeModel second = create(type);
                NativeTrainer two = NativeTrainer.create(second, settings(Recompute.NONE))) {
            train(one);
            two.parameters().copyFrom(one.parameters());
            two.expAvg().copyFrom(one.expAvg());
            two.expAvgSq().copyFrom(one.expAvgSq());
            two.restore(one.numSteps());
            assertThat(second.logps(golden.batch())).containsExactly(first.logps(golden.batch()));
            train(one);
            train(two);
            assertThat(two.numSteps()).isEqualTo(2);
            assertThat(two.parameters().mismatch(one.parameters())).isEqualTo(-1);
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
            trainer.gradients().set(ValueLayout.JAVA_FLOAT, 0, Float.POSITIVE_INFINITY);
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
        MemorySegment state = trainer.parameters();
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

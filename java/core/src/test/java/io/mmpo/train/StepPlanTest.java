package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.mmpo.config.TrainingConfig;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StepPlanTest {
    @Test
    void theLastSmallerMicroBatchAndStepAreUsed() {
        StepPlan plan = plan(11, Map.of("per_device_train_batch_size", 2, "gradient_accumulation_steps", 4));
        assertThat(plan.microBatchesPerEpoch()).isEqualTo(6);
        assertThat(plan.stepsPerEpoch()).isEqualTo(2);
        assertThat(plan.totalSteps()).isEqualTo(6);
        assertThat(new int[] {plan.firstPlace(0), plan.endPlace(0), plan.firstPlace(1), plan.endPlace(1)})
                .containsExactly(0, 8, 8, 11);
        assertThat(plan.epochOf(3)).isEqualTo(1);
        assertThat(plan.firstPlace(3)).isEqualTo(8);
        assertThat(plan.endsEpoch(2)).isFalse();
        assertThat(plan.endsEpoch(3)).isTrue();
    }

    /** transformers: epoch + (micro-batch + 1) / micro-batches of the epoch. */
    @Test
    void epochsAreCountedInMicroBatches() {
        StepPlan plan = plan(11, Map.of("per_device_train_batch_size", 2, "gradient_accumulation_steps", 4));
        assertThat(plan.epochsAfter(0)).isCloseTo(4 / 6.0, within(1e-15));
        assertThat(plan.epochsAfter(1)).isEqualTo(1);
        assertThat(plan.epochsAfter(2)).isCloseTo(1 + 4 / 6.0, within(1e-15));
    }

    @Test
    void epochsMayBeAFractionAndMaxStepsWins() {
        assertThat(plan(100, Map.of("num_train_epochs", 0.5)).totalSteps()).isEqualTo(7);
        assertThat(plan(100, Map.of("num_train_epochs", 0.5, "max_steps", 40)).totalSteps())
                .isEqualTo(40);
        assertThat(plan(100, Map.of("max_steps", 40)).numEpochs()).isEqualTo(4);
        assertThat(plan(3, Map.of("num_train_epochs", 1)).totalSteps()).isEqualTo(1);
    }

    @Test
    void aRunThatEndsWithinAnEpochVisitsOnlyItsRows() {
        RowOrder order = epoch -> new int[] {4, 2, 0, 3, 1};
        assertThat(plan(5, Map.of("per_device_train_batch_size", 2, "max_steps", 1))
                        .rowsOf(step -> true, order))
                .containsExactly(2, 4);
        assertThat(plan(5, Map.of("per_device_train_batch_size", 2, "max_steps", 3))
                        .rowsOf(step -> true, order))
                .containsExactly(0, 1, 2, 3, 4);
        assertThat(plan(5, Map.of("max_steps", 9)).rowsOf(step -> true, order)).hasSize(5);
    }

    @Test
    void rowsOfSomeStepsAreThoseOfEveryEpoch() {
        RowOrder order = epoch -> epoch == 0 ? new int[] {4, 2, 0, 3, 1} : new int[] {0, 1, 2, 3, 4};
        StepPlan plan = plan(5, Map.of("per_device_train_batch_size", 2, "num_train_epochs", 2));
        assertThat(plan.rowsOf(step -> step == 1, order)).containsExactly(0, 3);
        assertThat(plan.rowsOf(step -> step == 5, order)).containsExactly(4);
        assertThat(plan.rowsOf(step -> step == 2 || step == 3, order)).containsExactly(0, 1);
        assertThat(plan.rowsOf(step -> false, order)).isEmpty();
    }

    private static StepPlan plan(int numRows, Map<String, Object> values) {
        Map<String, Object> all = new HashMap<>(values);
        all.put("model_name_or_path", "m");
        all.put("dataset_name", "d");
        return StepPlan.of(TrainingConfig.of(all), numRows, 1);
    }
}

package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.SharedFiles;
import io.mmpo.config.SchedulerType;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class LearningRateScheduleTest {
    @Test
    void cosineEqualsHuggingFacesOfTheOptimizerFixture() throws IOException {
        JsonNode expected = SharedFiles.json("golden/adamw.json").get("lr_at_step");
        LearningRateSchedule schedule = new LearningRateSchedule(SchedulerType.COSINE, 2e-3, 5, 50);
        assertThat(expected).hasSize(50);
        for (int step = 0; step < 50; step++) {
            assertClose(schedule.at(step), expected.get(step).doubleValue());
        }
    }

    @Test
    void cosineEqualsHuggingFacesOfTheTrainingRuns() throws IOException {
        JsonNode steps = SharedFiles.json("golden/training.json").at("/runs/dpo/float64/steps");
        LearningRateSchedule schedule = new LearningRateSchedule(SchedulerType.COSINE, 5e-4, 4, 40);
        assertThat(steps).hasSize(40);
        for (int step = 0; step < 40; step++) {
            assertClose(schedule.at(step), steps.get(step).get("lr").doubleValue());
        }
    }

    @Test
    void linearFallsFromThePeakToZero() {
        LearningRateSchedule schedule = new LearningRateSchedule(SchedulerType.LINEAR, 1, 2, 10);
        double[] expected = {0, 0.5, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0};
        for (int step = 0; step < expected.length; step++) {
            assertClose(schedule.at(step), expected[step]);
        }
    }

    @Test
    void withoutWarmUpTheFirstStepHasThePeak() {
        for (SchedulerType type : SchedulerType.values()) {
            assertThat(new LearningRateSchedule(type, 3e-4, 0, 10).at(0)).isEqualTo(3e-4);
        }
    }

    @Test
    void constantWithWarmUpRisesAndStays() {
        LearningRateSchedule schedule = new LearningRateSchedule(SchedulerType.CONSTANT_WITH_WARMUP, 1, 4, 10);
        assertThat(schedule.at(0)).isZero();
        assertThat(schedule.at(3)).isEqualTo(0.75);
        assertThat(schedule.at(9)).isEqualTo(1);
    }

    private static void assertClose(double actual, double expected) {
        assertThat(actual).isCloseTo(expected, within(1e-12 * Math.abs(expected) + 1e-20));
    }
}

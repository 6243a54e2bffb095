package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.SharedFiles;
import io.mmpo.config.SchedulerArguments;
import io.mmpo.config.SchedulerType;
import io.mmpo.config.TrainingConfig;
import java.io.IOException;
import java.io.InputStream;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LearningRateScheduleTest {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @Test
    void cosineEqualsHuggingFacesOfTheOptimizerFixture() throws IOException {
        JsonNode expected = SharedFiles.json("golden/adamw.json").get("lr_at_step");
        LearningRateSchedule schedule = schedule(SchedulerType.COSINE, 2e-3, 5, 50);
        assertThat(expected).hasSize(50);
        for (int step = 0; step < 50; step++) {
            assertClose(schedule.at(step), expected.get(step).doubleValue());
        }
    }

    @Test
    void cosineEqualsHuggingFacesOfTheTrainingRuns() throws IOException {
        JsonNode steps = SharedFiles.json("golden/training.json").at("/runs/dpo/float64/steps");
        LearningRateSchedule schedule = schedule(SchedulerType.COSINE, 5e-4, 4, 40);
        assertThat(steps).hasSize(40);
        for (int step = 0; step < 40; step++) {
            assertClose(schedule.at(step), steps.get(step).get("lr").doubleValue());
        }
    }

    @Test
    void linearFallsFromThePeakToZero() {
        LearningRateSchedule schedule = schedule(SchedulerType.LINEAR, 1, 2, 10);
        double[] expected = {0, 0.5, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0};
        for (int step = 0; step < expected.length; step++) {
            assertClose(schedule.at(step), expected[step]);
        }
    }

    /** Every schedule, with and without warm-up, as transformers computed it. */
    @Test
    void everyScheduleEqualsTransformers() throws IOException {
        JsonNode file;
        try (InputStream json = LearningRateScheduleTest.class.getResourceAsStream("schedules.json")) {
            file = MAPPER.readTree(json).get("schedules");
        }
        Set<SchedulerType> seen = EnumSet.noneOf(SchedulerType.class);
        for (JsonNode expected : file) {
            int steps = expected.get("steps").intValue();
            Map<String, Object> keys = new HashMap<>(Map.of("model_name_or_path", "m", "dataset_name", "d"));
            for (String key : List.of("lr_scheduler_type", "lr_scheduler_kwargs", "learning_rate", "warmup_steps")) {
                keys.put(key, MAPPER.convertValue(expected.get(key), Object.class));
            }
            TrainingConfig config = TrainingConfig.of(keys);
            LearningRateSchedule schedule = LearningRateSchedule.of(config, steps);
            seen.add(schedule.type());
            for (int step = 0; step < steps; step++) {
                assertThat(schedule.at(step))
                        .as("%s, step %d", keys, step)
                        .isCloseTo(
                                expected.get("rates").get(step).doubleValue(),
                                within(1e-12 * expected.get("learning_rate").doubleValue()));
            }
        }
        assertThat(seen).containsExactlyInAnyOrder(SchedulerType.values());
    }

    /** warmup_stable_decay by hand: 2 up from a tenth, 3 at the peak, 4 down linearly to a tenth, which stays. */
    @Test
    void warmupStableDecayHasThreeStages() {
        LearningRateSchedule schedule = new LearningRateSchedule(
                SchedulerType.WARMUP_STABLE_DECAY,
                1,
                2,
                11,
                new SchedulerArguments(Map.of(
                        "num_stable_steps", 3.0, "num_decay_steps", 4.0, "min_lr_ratio", 0.1, "decay_type", "linear")));
        double[] expected = {0.1, 0.55, 1, 1, 1, 1, 0.775, 0.55, 0.325, 0.1, 0.1};
        for (int step = 0; step < expected.length; step++) {
            assertClose(schedule.at(step), expected[step]);
        }
    }

    /** Two waves that begin anew at the middle: cos falls over 4 steps, twice. */
    @Test
    void restartsBeginAtThePeakAgain() {
        LearningRateSchedule schedule = new LearningRateSchedule(
                SchedulerType.COSINE_WITH_RESTARTS, 2, 0, 8, new SchedulerArguments(Map.of("num_cycles", 2.0)));
        double[] expected = {2, 1 + Math.sqrt(0.5), 1, 1 - Math.sqrt(0.5), 2, 1 + Math.sqrt(0.5), 1, 1 - Math.sqrt(0.5)
        };
        for (int step = 0; step < expected.length; step++) {
            assertClose(schedule.at(step), expected[step]);
        }
    }

    /** A cosine that ends at a quarter of the peak, a parabola that ends at 0.1, and 1/√t. */
    @Test
    void othersEndWhereTheirArgumentsSay() {
        assertClose(
                new LearningRateSchedule(
                                SchedulerType.COSINE_WITH_MIN_LR,
                                4,
                                0,
                                6,
                                new SchedulerArguments(Map.of("min_lr", 1.0)))
                        .at(3),
                2.5);
        assertClose(
                new LearningRateSchedule(
                                SchedulerType.POLYNOMIAL,
                                1.1,
                                0,
                                10,
                                new SchedulerArguments(Map.of("lr_end", 0.1, "power", 2.0)))
                        .at(5),
                0.35);
        assertClose(
                new LearningRateSchedule(SchedulerType.INVERSE_SQRT, 1, 4, 100, SchedulerArguments.NONE).at(16), 0.5);
    }

    @Test
    void constantWithWarmUpRisesAndStays() {
        LearningRateSchedule schedule = schedule(SchedulerType.CONSTANT_WITH_WARMUP, 1, 4, 10);
        assertThat(schedule.at(0)).isZero();
        assertThat(schedule.at(3)).isEqualTo(0.75);
        assertThat(schedule.at(9)).isEqualTo(1);
    }

    private static LearningRateSchedule schedule(SchedulerType type, double peak, int warmupSteps, int totalSteps) {
        return new LearningRateSchedule(type, peak, warmupSteps, totalSteps, SchedulerArguments.NONE);
    }

    private static void assertClose(double actual, double expected) {
        assertThat(actual).isCloseTo(expected, within(1e-12 * Math.abs(expected) + 1e-20));
    }
}

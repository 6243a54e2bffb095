package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.config.TrainingConfig;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class IntervalsTest {
    @Test
    void stepsAndTheLastStep() {
        Intervals intervals = intervals(Map.of("logging_steps", 3, "save_steps", 5, "eval_strategy", "steps"));
        assertThat(due(intervals::logsAfter)).containsExactly(3, 6, 8);
        assertThat(due(intervals::savesAfter)).containsExactly(5, 8);
        assertThat(due(intervals::evaluatesAfter)).containsExactly(3, 6, 8);
    }

    @Test
    void epochsSharesAndTheFirstStep() {
        Intervals intervals = intervals(Map.of(
                "logging_steps", 0.5, "logging_first_step", true, "save_strategy", "epoch", "eval_strategy", "no"));
        assertThat(due(intervals::logsAfter)).containsExactly(1, 4, 8);
        assertThat(due(intervals::savesAfter)).containsExactly(3, 6, 8);
        assertThat(due(intervals::evaluatesAfter)).isEmpty();
    }

    /** 8 steps, 3 an epoch; steps counted from 1. */
    private static List<Integer> due(IntPredicate after) {
        return IntStream.range(0, 8).filter(after).mapToObj(step -> step + 1).toList();
    }

    private static Intervals intervals(Map<String, Object> values) {
        Map<String, Object> all = new HashMap<>(values);
        all.put("model_name_or_path", "m");
        all.put("dataset_name", "d");
        all.put("eval_dataset_name", "e");
        return new Intervals(TrainingConfig.of(all).run(), new StepPlan(24, 8, 1, 8));
    }
}

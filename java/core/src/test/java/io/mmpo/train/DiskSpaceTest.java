package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.config.TrainingConfig;
import io.mmpo.run.RunDirectory;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DiskSpaceTest {
    private static final RunDirectory DIRECTORY = new RunDirectory(Path.of("run"));

    private static long saves(int firstStep, Object... keys) {
        Map<String, Object> values = new LinkedHashMap<>(Map.of(
                "model_name_or_path",
                "m",
                "dataset_name",
                "d",
                "per_device_train_batch_size",
                1,
                "num_train_epochs",
                2));
        for (int i = 0; i < keys.length; i += 2) {
            values.put((String) keys[i], keys[i + 1]);
        }
        TrainingConfig config = TrainingConfig.of(values);
        StepPlan plan = StepPlan.of(config, 10, 1);
        Intervals intervals = new Intervals(config.run(), plan);
        long counted = java.util.stream.IntStream.range(firstStep, plan.totalSteps())
                .filter(intervals::savesAfter)
                .count();
        assertThat(intervals.numSaves(firstStep)).isEqualTo(counted);
        return counted;
    }

    /** As many as {@link Intervals#savesAfter} says, from any step on. */
    @Test
    void checkpointsAreCounted() {
        for (int firstStep : new int[] {0, 1, 6, 7, 13, 19, 20}) {
            saves(firstStep, "save_steps", 7);
            saves(firstStep, "save_steps", 5);
            saves(firstStep, "save_steps", 500);
            saves(firstStep, "save_strategy", "epoch");
        }
        assertThat(saves(0, "save_strategy", "no")).isZero();
        assertThat(saves(0, "save_steps", 7)).isEqualTo(3);
        assertThat(saves(0, "save_strategy", "epoch", "max_steps", 13)).isEqualTo(2);
    }

    @Test
    void whatDoesNotFitIsRefusedWithItsParts() {
        DiskSpace space = new DiskSpace(3, 12L << 30, 4L << 30);
        assertThat(space.bytes()).isEqualTo(40.0 * (1L << 30));
        assertThatCode(() -> space.requireWithin(40L << 30, DIRECTORY)).doesNotThrowAnyException();
        assertThatThrownBy(() -> space.requireWithin(39L << 30, DIRECTORY))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.ENVIRONMENT))
                .hasMessage(
                        "output_dir run has room for 39.0 GiB, and the run will write about 40.0 GiB: 3 checkpoints of 12.0 GiB and"
                                + " the final model of 4.00 GiB. Make room, choose another output_dir, or keep fewer: save_total_limit, a larger"
                                + " save_steps, save_strategy: no.");
    }
}

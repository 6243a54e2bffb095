package io.mmpo.config;

import io.mmpo.spec.WeightType;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a run writes and when. evalSteps: as often as logging where absent. saveTotalLimit: checkpoints that are kept, all
 * where absent. savedType: of the weights in files, that of the trained ones where absent; stochasticRounding to it: by chance, seeded. resumeFrom: "true" for the newest checkpoint in outputDir, or the directory of one; resumeWithChangedConfig: even
 * if the checkpoint's run was told something else. seed: of the order of the rows.
 */
public record RunOptions(
        Path outputDir,
        long seed,
        StepCount loggingSteps,
        boolean loggingFirstStep,
        IntervalStrategy evalStrategy,
        Optional<StepCount> evalSteps,
        IntervalStrategy saveStrategy,
        StepCount saveSteps,
        OptionalInt saveTotalLimit,
        Optional<WeightType> savedType,
        boolean stochasticRounding,
        Optional<String> resumeFrom,
        boolean resumeWithChangedConfig) {
    public RunOptions {
        Problems problems = new Problems();
        problems.requireNotEmpty("output_dir", outputDir);
        StepCount.requireInterval(problems, "logging_steps", loggingSteps);
        evalSteps.ifPresent(steps -> StepCount.requireInterval(problems, "eval_steps", steps));
        StepCount.requireInterval(problems, "save_steps", saveSteps);
        problems.requirePositive("save_total_limit", saveTotalLimit);
        problems.throwIfAny();
    }
}

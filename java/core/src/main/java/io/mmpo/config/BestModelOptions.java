package io.mmpo.config;

import static io.mmpo.config.ValueTypes.FLAG;
import static io.mmpo.config.ValueTypes.TEXT;

import io.mmpo.spec.LossType;
import java.util.List;
import java.util.Optional;

/** Which evaluation of a run is the best, as transformers decides it, and whether its checkpoint becomes the final model. */
public record BestModelOptions(Settings values) {
    static final Section KEYS = new Section("Best model", BestModelOptions::check);

    /** Ratios of shares are compared to so many parts, since shares have no exact quotients. */
    private static final long PARTS = 1_000_000;

    private static final String PREFIX = "eval_";
    private static final String OF_TASKS = "tasks/";

    /** What an evaluation writes, without the prefix, for every loss and for those of pairs. */
    private static final List<String> METRICS = List.of("loss", "runtime", "samples_per_second", "steps_per_second");

    private static final List<String> METRICS_OF_PAIRS = List.of(
            "rewards/chosen",
            "rewards/rejected",
            "rewards/accuracies",
            "rewards/margins",
            "logps/chosen",
            "logps/rejected");

    private static final ConfigKey<Boolean> LOAD_AT_END = KEYS.key("load_best_model_at_end", FLAG)
            .unset("false")
            .mayChangeOnResuming()
            .means(
                    "Whether `final` is the best checkpoint in place of the last model. save_strategy must then be eval_strategy, and save_steps"
                            + " a multiple of eval_steps.");

    private static final ConfigKey<Optional<String>> METRIC = KEYS.key("metric_for_best_model", TEXT.optional())
            .mayChangeOnResuming()
            .means(
                    "Metric of an evaluation that says which checkpoint is the best, with or without `eval_` (one of eval_tasks is `tasks/TASK/METRIC`); save_total_limit keeps that one"
                            + " too. Unset: `loss` where load_best_model_at_end is true, else none.");

    private static final ConfigKey<Optional<Boolean>> GREATER_IS_BETTER = KEYS.key("greater_is_better", FLAG.optional())
            .effective(
                    v -> v.get(METRIC).isPresent() || v.get(LOAD_AT_END),
                    v -> "without metric_for_best_model or load_best_model_at_end")
            .mayChangeOnResuming()
            .means("Whether a greater value of that metric is better; unset: unless its name ends in `loss`.");

    public BestModelOptions {
        values = values.of(KEYS);
    }

    private static void check(Settings v, Problems problems) {
        boolean isOfPairs = LossOptions.types(v).getFirst() != LossType.SFT
                || LossOptions.types(v).size() > 1;
        v.get(METRIC)
                .map(BestModelOptions::withoutPrefix)
                .filter(name -> !METRICS.contains(name) && !(isOfPairs && METRICS_OF_PAIRS.contains(name)))
                .filter(name ->
                        !name.startsWith(OF_TASKS) || v.get(TaskOptions.TASKS).isEmpty())
                .ifPresent(name -> problems.refuse(
                        true,
                        METRIC,
                        "must be a metric of an evaluation, got '%s'; there are %s%s, and where eval_tasks names tasks, tasks/mean and"
                                + " tasks/TASK/METRIC",
                        Echo.of(name),
                        String.join(", ", METRICS),
                        isOfPairs ? ", " + String.join(", ", METRICS_OF_PAIRS) : ""));
        if (v.get(LOAD_AT_END)) {
            checkStrategies(v, problems);
        }
    }

    private static void checkStrategies(Settings v, Problems problems) {
        IntervalStrategy eval = v.get(RunOptions.EVAL_STRATEGY);
        IntervalStrategy save = v.get(RunOptions.SAVE_STRATEGY);
        problems.refuse(
                eval == IntervalStrategy.NO || eval != save,
                LOAD_AT_END,
                "needs an evaluation of every checkpoint: eval_strategy (%s) and save_strategy (%s) must both be steps, or both epoch",
                ValueType.lowerCase(eval),
                ValueType.lowerCase(save));
        StepCount evalSteps = v.get(RunOptions.EVAL_STEPS).orElse(v.get(RunOptions.LOGGING_STEPS));
        StepCount saveSteps = v.get(RunOptions.SAVE_STEPS);
        problems.refuse(
                eval == IntervalStrategy.STEPS && save == eval && !isMultiple(saveSteps.value(), evalSteps.value()),
                LOAD_AT_END,
                "needs an evaluation of every checkpoint: save_steps (%s) must be a multiple of eval_steps (%s), both steps or both shares",
                saveSteps,
                evalSteps);
    }

    private static boolean isMultiple(double saveSteps, double evalSteps) {
        if (saveSteps < 1 != evalSteps < 1) {
            return false;
        }
        long unit = Math.round(evalSteps * PARTS);
        return unit > 0 && Math.round(saveSteps * PARTS) % unit == 0;
    }

    private static String withoutPrefix(String name) {
        return name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : name;
    }

    /** Whether the best checkpoint becomes the final model. */
    public boolean loadAtEnd() {
        return values.get(LOAD_AT_END);
    }

    /** Of an evaluation, with its prefix; absent where no checkpoint is better than another. */
    public Optional<String> metric() {
        return values.get(METRIC)
                .or(() -> loadAtEnd() ? Optional.of("loss") : Optional.empty())
                .map(name -> PREFIX + withoutPrefix(name));
    }

    /** Whether a value of the metric is better than another. */
    public boolean isBetter(double value, double than) {
        boolean greater = values.get(GREATER_IS_BETTER)
                .orElseGet(() -> !metric().orElse("loss").endsWith("loss"));
        return greater ? value > than : value < than;
    }
}

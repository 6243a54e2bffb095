package io.mmpo.config;

import static io.mmpo.config.ValueTypes.COUNT;
import static io.mmpo.config.ValueTypes.FLAG;
import static io.mmpo.config.ValueTypes.LONG;
import static io.mmpo.config.ValueTypes.NUMBER;
import static io.mmpo.config.ValueTypes.OPTIONAL_STEPS;
import static io.mmpo.config.ValueTypes.PATH;
import static io.mmpo.config.ValueTypes.STEPS;
import static io.mmpo.config.ValueTypes.SWITCH;

import io.mmpo.spec.TrackerKind;
import io.mmpo.spec.WeightType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/** What a run writes and when, what it begins with, and its seed. */
public record RunOptions(Settings values) {
    static final Section KEYS = new Section("Run and output");

    private static final ConfigKey<Path> OUTPUT_DIR = KEYS.key("output_dir", PATH)
            .unset("trainer_output")
            .mayChangeOnResuming()
            .means("Directory of the run: checkpoints, metrics, final model.");

    private static final ConfigKey<Long> SEED = KEYS.key("seed", LONG)
            .unset("42")
            .means("Decides the order of the rows, and of LoRA the first weights and what is dropped.");

    private static final ConfigKey<OptionalLong> DATA_SEED = KEYS.key(
                    "data_seed",
                    LONG.optional()
                            .as(
                                    seed -> seed.map(OptionalLong::of).orElse(OptionalLong.empty()),
                                    seed -> seed.isPresent() ? Optional.of(seed.getAsLong()) : Optional.empty()))
            .means("Decides the order of the rows, and which rows of a mixture an epoch visits, in place of seed.");

    static final ConfigKey<StepCount> LOGGING_STEPS = KEYS.key("logging_steps", STEPS)
            .unset("10")
            .must(StepCount::isInterval, StepCount.INTERVAL_WANTED)
            .mayChangeOnResuming()
            .means("Optimizer steps between two lines of metrics; below 1: a share. The last step is always logged.");

    private static final ConfigKey<Boolean> LOGGING_FIRST_STEP = KEYS.key("logging_first_step", FLAG)
            .unset("false")
            .mayChangeOnResuming()
            .means("Whether the first step is logged too.");

    static final ConfigKey<IntervalStrategy> EVAL_STRATEGY = KEYS.key(
                    "eval_strategy", ValueType.oneOf(IntervalStrategy.class))
            .alsoCalled("evaluation_strategy")
            .unset("no")
            .mayChangeOnResuming()
            .means(
                    "When to evaluate: `no`, `steps` or `epoch`; where there are no rows to evaluate on, a line says that nothing is.");

    static final ConfigKey<Optional<StepCount>> EVAL_STEPS = KEYS.key("eval_steps", OPTIONAL_STEPS)
            .must(steps -> steps.map(StepCount::isInterval).orElse(true), StepCount.INTERVAL_WANTED)
            .effective(v -> v.get(EVAL_STRATEGY) != IntervalStrategy.EPOCH, v -> "on eval_strategy epoch")
            .mayChangeOnResuming()
            .means("Optimizer steps between two evaluations; unset or 0: logging_steps.");

    private static final ConfigKey<Double> EVAL_DELAY = KEYS.key("eval_delay", NUMBER)
            .unset("0")
            .must(delay -> delay >= 0, "must be >= 0")
            .mayChangeOnResuming()
            .means("Optimizer steps before the first evaluation, or epochs where eval_strategy is `epoch`.");

    private static final ConfigKey<Boolean> EVAL_ON_START = KEYS.key("eval_on_start", FLAG)
            .unset("false")
            .mayChangeOnResuming()
            .means(
                    "Whether the model is evaluated before the first step too, whatever eval_strategy and eval_delay say.");

    static final ConfigKey<IntervalStrategy> SAVE_STRATEGY = KEYS.key(
                    "save_strategy", ValueType.oneOf(IntervalStrategy.class))
            .unset("steps")
            .mayChangeOnResuming()
            .means("When to write a checkpoint: `no`, `steps` (and after the last step) or `epoch`.");

    static final ConfigKey<StepCount> SAVE_STEPS = KEYS.key("save_steps", STEPS)
            .unset("500")
            .must(StepCount::isInterval, StepCount.INTERVAL_WANTED)
            .mayChangeOnResuming()
            .means("Optimizer steps between two checkpoints; below 1: a share.");

    private static final ConfigKey<OptionalInt> SAVE_TOTAL_LIMIT = KEYS.key("save_total_limit", COUNT)
            .must(limit -> limit.orElse(1) >= 1, "must be at least 1")
            .mayChangeOnResuming()
            .means(
                    "Checkpoints to keep, the newest, and the best where metric_for_best_model counts; unset or 0: all.");

    private static final ConfigKey<Boolean> SAVE_ONLY_MODEL = KEYS.key("save_only_model", FLAG)
            .unset("false")
            .mayChangeOnResuming()
            .means(
                    "Checkpoints without the optimizer's state, from which no run can go on; the one that SIGINT or SIGTERM asks for is whole.");

    private static final ConfigKey<Optional<WeightType>> SAVED_TYPE = KEYS.key(
                    "save_dtype",
                    ValueType.scalar(RunOptions::parseWeightType, WeightType::key)
                            .optional())
            .mayChangeOnResuming()
            .means(
                    "Type of the weights in checkpoints and final/: `float32`, `bfloat16` or `float16`; unset: of the trained ones, which is"
                            + " float32 unless dtype says otherwise. What rounding to a narrower one leaves of the training is said.");

    private static final ConfigKey<Boolean> STOCHASTIC_ROUNDING = KEYS.key(
                    "save_rounding", ValueType.either("stochastic", "nearest"))
            .unset("nearest")
            .mayChangeOnResuming()
            .means(
                    "How weights are rounded to save_dtype: `nearest`, or `stochastic`, up or down by chance with the number as the mean,"
                            + " which keeps what was learned where the nearest loses it (docs/numerics.md).");

    private static final ConfigKey<List<String>> REPORT_TO = KEYS.key("report_to", TrackerWords.TYPE)
            .unset("none")
            .mayChangeOnResuming()
            .means(
                    "Where metrics go beside metrics.jsonl: `none`, `tensorboard` (event files in output_dir), `mlflow` (the server that"
                            + " `MLFLOW_TRACKING_URI` names), a list of both, or `all`: TensorBoard, and MLflow where a server is named"
                            + " (docs/tracking.md).");

    private static final ConfigKey<Optional<String>> RESUME_FROM = KEYS.key("resume_from_checkpoint", SWITCH)
            .mayChangeOnResuming()
            .means("`true` to go on from the newest complete checkpoint in output_dir, or the directory of one.");

    private static final ConfigKey<Boolean> RESUME_WITH_CHANGED_CONFIG = KEYS.key("resume_with_changed_config", FLAG)
            .unset("false")
            .mayChangeOnResuming()
            .means("Go on although the checkpoint's run had other values: the new ones count from there on.");

    public RunOptions {
        values = values.of(KEYS, TaskOptions.KEYS, BestModelOptions.KEYS);
    }

    private static WeightType parseWeightType(String text) {
        return Arrays.stream(WeightType.values())
                .filter(type -> type.key().equals(text.toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() -> new Unreadable("must be float32, bfloat16 or float16"));
    }

    public Path outputDir() {
        return values.get(OUTPUT_DIR);
    }

    public long seed() {
        return values.get(SEED);
    }

    /** Of the order of the rows. */
    public long dataSeed() {
        return values.get(DATA_SEED).orElse(seed());
    }

    public StepCount loggingSteps() {
        return values.get(LOGGING_STEPS);
    }

    public boolean loggingFirstStep() {
        return values.get(LOGGING_FIRST_STEP);
    }

    public IntervalStrategy evalStrategy() {
        return values.get(EVAL_STRATEGY);
    }

    /** As often as logging where absent. */
    public Optional<StepCount> evalSteps() {
        return values.get(EVAL_STEPS);
    }

    /** Steps before the first evaluation, or epochs where evaluation is after epochs. */
    public double evalDelay() {
        return values.get(EVAL_DELAY);
    }

    public boolean evalOnStart() {
        return values.get(EVAL_ON_START);
    }

    /** Whether a run evaluates at all, if it has rows to evaluate on, or tasks. */
    public boolean evaluates() {
        return evaluates(values);
    }

    static boolean evaluates(Settings values) {
        return values.get(EVAL_STRATEGY) != IntervalStrategy.NO || values.get(EVAL_ON_START);
    }

    public IntervalStrategy saveStrategy() {
        return values.get(SAVE_STRATEGY);
    }

    public StepCount saveSteps() {
        return values.get(SAVE_STEPS);
    }

    /** Checkpoints that are kept, all where absent. */
    public OptionalInt saveTotalLimit() {
        return values.get(SAVE_TOTAL_LIMIT);
    }

    /** Checkpoints that lie there at most at a time: the oldest goes when a new one is complete. Absent: any number. */
    public OptionalInt checkpointsAtOnce() {
        int newestAndBest = best().metric().isPresent() ? 2 : 1;
        OptionalInt limit = saveTotalLimit();
        return limit.isEmpty() ? limit : OptionalInt.of(Math.max(limit.getAsInt(), newestAndBest) + 1);
    }

    /** Whether checkpoints hold no state of the optimizer. */
    public boolean saveOnlyModel() {
        return values.get(SAVE_ONLY_MODEL);
    }

    /** Tests of ability that the run takes when it evaluates. */
    public TaskOptions tasks() {
        return new TaskOptions(values);
    }

    /** Which checkpoint is the best, and whether it becomes the final model. */
    public BestModelOptions best() {
        return new BestModelOptions(values);
    }

    /** Of the weights in files; that of the trained ones where absent. */
    public Optional<WeightType> savedType() {
        return values.get(SAVED_TYPE);
    }

    /** To savedType: by chance, seeded. */
    public boolean stochasticRounding() {
        return values.get(STOCHASTIC_ROUNDING);
    }

    /** Whether metrics go there too. isNamed: whether the environment says where it is, which {@code all} asks for. */
    public boolean reportsTo(TrackerKind tracker, boolean isNamed) {
        List<String> words = values.get(REPORT_TO);
        return words.contains(TrackerWords.of(tracker)) || (isNamed && words.contains(TrackerWords.ALL));
    }

    /** "true" for the newest checkpoint in outputDir, or the directory of one. */
    public Optional<String> resumeFrom() {
        return values.get(RESUME_FROM);
    }

    public boolean resumeWithChangedConfig() {
        return values.get(RESUME_WITH_CHANGED_CONFIG);
    }
}

package io.mmpo.config;

import static io.mmpo.config.ValueTypes.COUNT;
import static io.mmpo.config.ValueTypes.PATH;
import static io.mmpo.config.ValueTypes.WORDS;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** Tests of ability that a run takes whenever it evaluates. */
public record TaskOptions(Settings values) {
    static final Section KEYS = new Section("Tests of ability in a run", TaskOptions::check);

    static final ConfigKey<List<String>> TASKS = KEYS.key("eval_tasks", WORDS)
            .mayChangeOnResuming()
            .means(
                    "Tasks that the model is asked whenever eval_strategy and eval_on_start say so: names, `all`, or paths of a task's YAML, as"
                            + " in `mmpo eval lm --tasks` (docs/evaluation.md). Scores are metrics `eval_tasks/TASK/METRIC`.");

    private static final ConfigKey<Optional<Path>> DATA = KEYS.key("eval_tasks_data", PATH.optional())
            .effective(v -> !v.get(TASKS).isEmpty(), v -> "without eval_tasks")
            .mayChangeOnResuming()
            .means("Directory of the tasks' rows, as in `mmpo eval lm --data`.");

    private static final ConfigKey<OptionalInt> LIMIT = KEYS.key("eval_tasks_limit", COUNT)
            .must(limit -> limit.orElse(1) >= 1, "must be at least 1")
            .effective(v -> !v.get(TASKS).isEmpty(), v -> "without eval_tasks")
            .mayChangeOnResuming()
            .means("Ask only the first so many questions of each task; unset or 0: all.");

    public TaskOptions {
        values = values.of(KEYS);
    }

    private static void check(Settings v, Problems problems) {
        boolean asks = !v.get(TASKS).isEmpty();
        problems.refuse(
                asks && v.get(DATA).isEmpty(),
                TASKS,
                "needs the rows of its tasks: eval_tasks_data names their directory");
        problems.refuse(
                asks && !RunOptions.evaluates(v),
                TASKS,
                "are asked when a run evaluates, and this one does not: set eval_strategy to steps or epoch, or eval_on_start");
    }

    /** Empty where nothing is asked. */
    public List<String> names() {
        return values.get(TASKS);
    }

    /** Of the tasks' rows, where any are named. */
    public Path data() {
        return values.get(DATA).orElseThrow();
    }

    /** Questions of each task; all where absent. */
    public OptionalInt limit() {
        return values.get(LIMIT);
    }
}

package io.mmpo.run;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.Evaluation;
import io.mmpo.PairMetrics;
import io.mmpo.RunMetrics;
import io.mmpo.StepMetrics;
import io.mmpo.TaskEvaluation;
import io.mmpo.TrainingSummary;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Lines of metrics by the names that TRL gives to their numbers: what metrics.jsonl and trainer_state.json hold. */
public final class MetricNames {
    public static final String STEP = "step";

    /** What scores of tests of ability begin with. */
    public static final String TASKS = "eval_tasks/";

    private static final String EVALUATION = "eval_";
    private static final String TASKS_RUNTIME = TASKS + "runtime";
    private static final String EPOCH = "epoch";
    private static final String TRAIN_RUNTIME = "train_runtime";

    private MetricNames() {}

    /** In the order of a file; NaN where the line does not have the number. */
    public static Map<String, Number> of(RunMetrics line) {
        Map<String, Number> values = new LinkedHashMap<>();
        switch (line) {
            case StepMetrics step -> {
                values.put("loss", step.loss());
                values.put("grad_norm", step.gradNorm());
                values.put("learning_rate", step.learningRate());
                step.pairs().ifPresent(pairs -> put(pairs, "", values));
                putPlace(line, values);
                values.put("step_seconds", step.stepSeconds());
                values.put("pairs_per_second", step.pairsPerSecond());
                values.put("tokens_per_second", step.tokensPerSecond());
                values.put("data_wait_seconds", step.dataWaitSeconds());
                step.peakMemoryBytes().ifPresent(bytes -> values.put("peak_memory_bytes", bytes));
            }
            case Evaluation evaluation -> {
                values.put("eval_loss", evaluation.loss());
                evaluation.pairs().ifPresent(pairs -> put(pairs, EVALUATION, values));
                values.put("eval_runtime", evaluation.seconds());
                values.put("eval_samples_per_second", evaluation.rowsPerSecond());
                values.put("eval_steps_per_second", evaluation.batchesPerSecond());
                putPlace(line, values);
            }
            case TaskEvaluation tasks -> {
                tasks.scores().forEach((name, score) -> values.put(TASKS + name, score));
                values.put(TASKS_RUNTIME, tasks.seconds());
                putPlace(line, values);
            }
            case TrainingSummary summary -> {
                values.put(TRAIN_RUNTIME, summary.seconds());
                values.put("reference_seconds", summary.referenceSeconds());
                values.put("train_samples_per_second", summary.rowsPerSecond());
                values.put("train_steps_per_second", summary.stepsPerSecond());
                values.put("train_loss", summary.loss());
                putPlace(line, values);
            }
        }
        return values;
    }

    /** Those that are written: JSON has no word for a number that is none. */
    static Map<String, Number> written(RunMetrics line) {
        Map<String, Number> values = of(line);
        values.values().removeIf(value -> Double.isNaN(value.doubleValue()));
        return values;
    }

    /** Of a line by these names, whoever wrote it; empty where it says no step. */
    public static Optional<RunMetrics> read(JsonNode line) {
        JsonNode step = line.path(STEP);
        if (!line.isObject() || !step.canConvertToInt()) {
            return Optional.empty();
        }
        if (line.has(TRAIN_RUNTIME)) {
            return Optional.of(summary(line));
        }
        if (hasPrefix(line, TASKS)) {
            return Optional.of(tasks(line));
        }
        return Optional.of(hasPrefix(line, EVALUATION) ? evaluation(line) : steps(line));
    }

    private static boolean hasPrefix(JsonNode line, String prefix) {
        return line.properties().stream().anyMatch(entry -> entry.getKey().startsWith(prefix));
    }

    private static RunMetrics tasks(JsonNode line) {
        Map<String, Double> scores = new LinkedHashMap<>();
        line.properties().stream()
                .map(Map.Entry::getKey)
                .filter(name -> name.startsWith(TASKS) && !name.equals(TASKS_RUNTIME))
                .forEach(name -> scores.put(name.substring(TASKS.length()), number(line, name)));
        return new TaskEvaluation(line.path(STEP).intValue(), number(line, EPOCH), scores, number(line, TASKS_RUNTIME));
    }

    private static RunMetrics steps(JsonNode line) {
        JsonNode memory = line.path("peak_memory_bytes");
        return new StepMetrics(
                line.path(STEP).intValue(),
                number(line, EPOCH),
                number(line, "loss"),
                number(line, "grad_norm"),
                number(line, "learning_rate"),
                pairs(line, ""),
                number(line, "step_seconds"),
                number(line, "pairs_per_second"),
                number(line, "tokens_per_second"),
                number(line, "data_wait_seconds"),
                memory.canConvertToLong() ? OptionalLong.of(memory.longValue()) : OptionalLong.empty());
    }

    private static RunMetrics evaluation(JsonNode line) {
        return new Evaluation(
                line.path(STEP).intValue(),
                number(line, EPOCH),
                number(line, "eval_loss"),
                pairs(line, EVALUATION),
                number(line, "eval_runtime"),
                number(line, "eval_samples_per_second"),
                number(line, "eval_steps_per_second"));
    }

    private static RunMetrics summary(JsonNode line) {
        return new TrainingSummary(
                line.path(STEP).intValue(),
                number(line, EPOCH),
                number(line, "train_loss"),
                number(line, TRAIN_RUNTIME),
                number(line, "reference_seconds"),
                number(line, "train_samples_per_second"),
                number(line, "train_steps_per_second"));
    }

    private static void putPlace(RunMetrics line, Map<String, Number> values) {
        values.put(EPOCH, line.epoch());
        values.put(STEP, line.step());
    }

    private static void put(PairMetrics pairs, String prefix, Map<String, Number> values) {
        values.put(prefix + "rewards/chosen", pairs.chosenReward());
        values.put(prefix + "rewards/rejected", pairs.rejectedReward());
        values.put(prefix + "rewards/accuracies", pairs.rewardAccuracy());
        values.put(prefix + "rewards/margins", pairs.rewardMargin());
        values.put(prefix + "logps/chosen", pairs.chosenLogp());
        values.put(prefix + "logps/rejected", pairs.rejectedLogp());
    }

    private static Optional<PairMetrics> pairs(JsonNode line, String prefix) {
        boolean isOfPairs = line.properties().stream()
                .map(Map.Entry::getKey)
                .anyMatch(name -> name.startsWith(prefix + "rewards/") || name.startsWith(prefix + "logps/"));
        return isOfPairs
                ? Optional.of(new PairMetrics(
                        number(line, prefix + "rewards/chosen"),
                        number(line, prefix + "rewards/rejected"),
                        number(line, prefix + "rewards/accuracies"),
                        number(line, prefix + "rewards/margins"),
                        number(line, prefix + "logps/chosen"),
                        number(line, prefix + "logps/rejected")))
                : Optional.empty();
    }

    private static double number(JsonNode line, String name) {
        JsonNode node = line.path(name);
        double value = node.isNumber() ? node.doubleValue() : Double.NaN;
        return Double.isFinite(value) ? value : Double.NaN;
    }
}

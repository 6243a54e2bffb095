package io.mmpo.eval.lm;

import io.mmpo.spec.SampleMean;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;

/**
 * A task's numbers.
 *
 * @param questions that were asked, of so many rows
 * @param numFewshot examples before each
 * @param values by "acc,none", in the order in which they are printed
 */
public record TaskResult(
        String task, int questions, int rows, int numFewshot, Map<String, Value> values, TaskSpec spec) {
    /** standardError: of the mean; none of a single question, and of a perplexity. */
    public record Value(double mean, OptionalDouble standardError) {}

    /** verdicts: by filter, one map of metrics a question. */
    static TaskResult of(
            TaskSpec task, int rows, int numFewshot, Map<AnswerFilter, List<Map<String, Double>>> verdicts) {
        Map<String, Value> values = new LinkedHashMap<>();
        int questions = 0;
        for (Map.Entry<AnswerFilter, List<Map<String, Double>>> entry : verdicts.entrySet()) {
            questions = entry.getValue().size();
            for (Metric metric : task.metrics()) {
                double[] ofRows = entry.getValue().stream()
                        .mapToDouble(verdict ->
                                Objects.requireNonNull(verdict.get(metric.name().key())))
                        .toArray();
                values.put(metric.name().key() + "," + entry.getKey().name(), value(metric, ofRows));
            }
        }
        return new TaskResult(task.name(), questions, rows, numFewshot, values, task);
    }

    private static Value value(Metric metric, double[] ofRows) {
        SampleMean mean = SampleMean.of(ofRows);
        if (metric.name() == Metric.Name.PERPLEXITY) {
            return new Value(Math.exp(-mean.value()), OptionalDouble.empty());
        }
        return new Value(
                mean.value(), ofRows.length < 2 ? OptionalDouble.empty() : OptionalDouble.of(mean.standardError()));
    }
}

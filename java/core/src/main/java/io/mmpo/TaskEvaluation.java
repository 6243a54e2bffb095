package io.mmpo;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Scores of the model in tests of ability, which {@code eval_tasks} names.
 *
 * @param scores by "arc_easy/acc": task and metric, with the filter where it is not the only one; "mean" is that of the tasks'
 *     accuracies, where there are several and all have one
 * @param seconds that it took
 */
public record TaskEvaluation(int step, double epoch, Map<String, Double> scores, double seconds) implements RunMetrics {
    public TaskEvaluation {
        scores = Collections.unmodifiableMap(new LinkedHashMap<>(scores));
    }
}

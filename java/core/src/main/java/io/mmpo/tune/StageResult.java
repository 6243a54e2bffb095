package io.mmpo.tune;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What a stage found.
 *
 * @param key that was searched
 * @param others values of the other keys that are searched
 * @param rows in the order of the file
 */
public record StageResult(String key, Map<String, String> others, List<Row> rows) {
    /**
     * A value's trial.
     *
     * @param share of the run that it came to, at which halving ended it; 1: its end
     * @param accuracy of rewards on the evaluation rows, in [0, 1]: the greatest of its evaluations; NaN where there is none
     * @param step after which that was measured, and epoch
     * @param failure why there is none
     */
    public record Row(String value, double share, double accuracy, int step, double epoch, Optional<String> failure) {}

    /** The first of those that went on longest with the greatest accuracy. Empty where no trial has one. */
    public Optional<Row> best() {
        return tied().stream().findFirst();
    }

    /** All that the first is no better than. */
    private List<Row> tied() {
        double longest = rows.stream()
                .filter(row -> !Double.isNaN(row.accuracy()))
                .mapToDouble(Row::share)
                .max()
                .orElse(Double.NaN);
        List<Row> last = rows.stream()
                .filter(row -> row.share() == longest && !Double.isNaN(row.accuracy()))
                .toList();
        double greatest = last.stream().mapToDouble(Row::accuracy).max().orElse(Double.NaN);
        return last.stream().filter(row -> row.accuracy() == greatest).toList();
    }

    /** What a reader of the table must know, in sentences. */
    public List<String> sentences() {
        List<String> sentences = new ArrayList<>();
        Optional<Row> best = best();
        if (best.isEmpty()) {
            return List.of("No trial has a reward accuracy, so there is no best " + key + ".");
        }
        sentences.add("The best is %s %s: reward accuracy %s after step %s."
                .formatted(
                        key,
                        best.get().value(),
                        percent(best.get().accuracy()),
                        best.get().step()));
        List<String> tied = tied().stream().map(Row::value).toList();
        boolean isFull = best.get().accuracy() == 1;
        if (tied.size() == rows.size()) {
            sentences.add((isFull ? "Every value reaches 100 %" : "All values have the same accuracy")
                    + ": these evaluation rows do not tell them apart, and the first is taken.");
        } else if (tied.size() > 1) {
            sentences.add("%s tie%s; the first of them is taken, and nothing says that it is better than the others."
                    .formatted(String.join(", ", tied), isFull ? " at 100 %" : ""));
        } else if (isFull) {
            sentences.add("It reaches 100 %: more evaluation rows, or harder ones, would say more.");
        }
        return List.copyOf(sentences);
    }

    static String percent(double accuracy) {
        return String.format(Locale.ROOT, "%.2f %%", 100 * accuracy);
    }
}

package io.mmpo.report;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * The figure of the MMPO paper: win-rate on x, mean accuracy on y, and for each run an arrowed path from one evaluated checkpoint to the
 * next. Length-controlled win-rates where every score has one.
 */
final class PaperFigure {
    private final boolean isLengthControlled;

    private PaperFigure(List<Run> runs) {
        this.isLengthControlled = runs.stream()
                .flatMap(run -> run.evaluations().stream())
                .filter(evaluation -> evaluation.winRate().isPresent())
                .allMatch(evaluation -> evaluation.lengthControlled().isPresent());
    }

    /** Empty where no checkpoint has both. */
    static Optional<Plot> of(List<Run> runs) {
        PaperFigure figure = new PaperFigure(runs);
        List<Curve> curves = new ArrayList<>();
        for (int i = 0; i < runs.size(); i++) {
            List<Point> path = figure.path(runs.get(i));
            if (!path.isEmpty()) {
                curves.add(new Curve(runs.get(i).name(), i, Curve.Kind.CHECKPOINTS, path));
            }
        }
        if (curves.isEmpty()) {
            return Optional.empty();
        }
        String win = figure.isLengthControlled ? "length-controlled win-rate, %" : "win-rate, %";
        return Optional.of(new Plot(
                "win-rate-and-accuracy",
                "Win-rate and accuracy by checkpoint",
                "",
                Plot.Axis.of(win),
                Plot.Axis.of("mean accuracy, %"),
                List.copyOf(curves)));
    }

    private List<Point> path(Run run) {
        List<Point> path = new ArrayList<>();
        Set<Integer> steps = new LinkedHashSet<>();
        for (Evaluation evaluation : run.evaluations()) {
            OptionalDouble win = isLengthControlled ? evaluation.lengthControlled() : evaluation.winRate();
            boolean isWhole = win.isPresent() && evaluation.meanAccuracy().isPresent();
            if (isWhole && steps.add(evaluation.step())) { // the final model is often the last checkpoint
                path.add(new Point(
                        win.getAsDouble(),
                        evaluation.meanAccuracy().getAsDouble(),
                        note(evaluation),
                        evaluation.errors().map(this::winRateError).orElse(0.0),
                        evaluation.errors().map(Evaluation.Errors::meanAccuracy).orElse(0.0)));
            }
        }
        return List.copyOf(path);
    }

    private double winRateError(Evaluation.Errors errors) {
        return isLengthControlled ? errors.lengthControlled() : errors.winRate();
    }

    private static String note(Evaluation evaluation) {
        return evaluation.epoch().isPresent()
                ? evaluation.checkpoint() + " (epoch "
                        + NumberText.fixed(evaluation.epoch().getAsDouble(), 2) + ")"
                : evaluation.checkpoint();
    }

    /** Whether all accuracies are means over the same tasks; else the sentence that says otherwise. */
    static Optional<String> warning(List<Run> runs) {
        Set<Set<String>> tasks = new LinkedHashSet<>();
        runs.stream()
                .flatMap(run -> run.evaluations().stream())
                .filter(evaluation -> !evaluation.accuracies().isEmpty())
                .forEach(evaluation -> tasks.add(evaluation.accuracies().keySet()));
        return tasks.size() <= 1
                ? Optional.empty()
                : Optional.of("Mean accuracies are over different tasks, so they cannot be compared.");
    }
}

package io.mmpo.report;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;

/**
 * The best checkpoints of runs beside the MMPO paper's (arXiv 2510.22881): the one with the greatest mean accuracy, and the one with the
 * greatest win-rate.
 */
final class PaperNumbers {
    private static final List<String> HEADER =
            List.of("run", "greatest accuracy, %", "win-rate there, %", "greatest win-rate, %", "accuracy there, %");

    /** As the paper prints them: at the peak of accuracy, then at the peak of win-rate. */
    private record Published(
            String model, double accuracy, double winRateThere, double winRate, double accuracyThere) {}

    private static final List<Published> PAPER = List.of(
            new Published("the paper, SmolLM2-135M, MMPO", 34.44, 61.86, 68.09, 34.08),
            new Published("the paper, SmolLM2-135M, DPO", 33.05, 6.21, 16.29, 32.79),
            new Published("the paper, SmolLM2-360M, MMPO", 36.58, 66.47, 67.50, 36.53),
            new Published("the paper, SmolLM2-360M, DPO", 36.62, 57.06, 71.80, 35.00),
            new Published("the paper, Llama-3.2-1B, MMPO", 46.69, 64.03, 67.32, 43.93),
            new Published("the paper, Llama-3.2-1B, DPO", 47.67, 46.57, 51.45, 43.74),
            new Published("the paper, Llama-3-8B, MMPO", 56.36, 57.11, 63.37, 54.77),
            new Published("the paper, Llama-3-8B, DPO", 59.19, 64.01, 64.53, 57.40));

    private PaperNumbers() {}

    /** Empty where no checkpoint has both an accuracy and a win-rate. */
    static Optional<Table> beside(List<Run> runs) {
        List<List<Table.Cell>> rows = new ArrayList<>();
        for (Run run : runs) {
            List<Evaluation> both = run.evaluations().stream()
                    .filter(evaluation -> evaluation.meanAccuracy().isPresent()
                            && winRate(evaluation).isPresent())
                    .toList();
            if (!both.isEmpty()) {
                Evaluation atAccuracy = greatest(both, Evaluation::meanAccuracy);
                Evaluation atWinRate = greatest(both, PaperNumbers::winRate);
                rows.add(row(
                        run.name(),
                        atAccuracy.meanAccuracy().orElseThrow(),
                        winRate(atAccuracy).orElseThrow(),
                        winRate(atWinRate).orElseThrow(),
                        atWinRate.meanAccuracy().orElseThrow()));
            }
        }
        if (rows.isEmpty()) {
            return Optional.empty();
        }
        PAPER.forEach(
                of -> rows.add(row(of.model(), of.accuracy(), of.winRateThere(), of.winRate(), of.accuracyThere())));
        String caption =
                "The best checkpoints, beside the MMPO paper's: other data, judges and models make other numbers";
        return Optional.of(new Table("beside-the-paper", caption, HEADER, List.copyOf(rows)));
    }

    /** Length-controlled where it is, as the paper's are. */
    private static OptionalDouble winRate(Evaluation evaluation) {
        return evaluation.lengthControlled().isPresent() ? evaluation.lengthControlled() : evaluation.winRate();
    }

    private static Evaluation greatest(List<Evaluation> evaluations, Function<Evaluation, OptionalDouble> of) {
        return evaluations.stream()
                .max(Comparator.comparingDouble(
                        evaluation -> of.apply(evaluation).orElseThrow()))
                .orElseThrow();
    }

    private static List<Table.Cell> row(String name, double... numbers) {
        List<Table.Cell> cells = new ArrayList<>();
        cells.add(Table.text(name));
        for (double number : numbers) {
            cells.add(Table.number(number));
        }
        return List.copyOf(cells);
    }
}

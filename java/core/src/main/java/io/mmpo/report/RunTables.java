package io.mmpo.report;

import static io.mmpo.spec.ByteUnits.GIB;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/** Tables with a column for each run. */
final class RunTables {
    private static final double PERCENT = 100;

    /** Where a run writes is its name, and no setting that anything depends on. */
    private static final Set<String> PLACES = Set.of("output_dir", "cache_dir");

    private static final String UNKNOWN = "–";

    private RunTables() {}

    static Table finalValues(List<Run> runs) {
        List<List<Table.Cell>> rows = new ArrayList<>();
        rows.add(row("loss_type", runs, run -> Table.value(run.loss())));
        rows.add(row("state", runs, run -> Table.value(run.status())));
        rows.add(row("steps", runs, run -> Table.number(run.metrics().lastStep())));
        add(rows, "epochs", runs, last("epoch", 1));
        add(rows, "loss", runs, last("loss", 1));
        add(rows, "loss, mean of the run", runs, last("train_loss", 1));
        add(rows, "loss, evaluation", runs, last("eval_loss", 1));
        add(rows, "reward accuracy, %", runs, last("rewards/accuracies", PERCENT));
        add(rows, "reward accuracy, evaluation, %", runs, last("eval_rewards/accuracies", PERCENT));
        add(
                rows,
                "… the greatest of all evaluations",
                runs,
                run -> scaled(run.metrics().greatest("eval_rewards/accuracies"), PERCENT));
        add(rows, "reward margin", runs, last("rewards/margins", 1));
        add(rows, "reward margin, evaluation", runs, last("eval_rewards/margins", 1));
        add(rows, "log-probability of chosen, evaluation", runs, last("eval_logps/chosen", 1));
        add(rows, "log-probability of rejected, evaluation", runs, last("eval_logps/rejected", 1));
        add(rows, "gradient norm", runs, last("grad_norm", 1));
        add(rows, "tokens a second", runs, last("tokens_per_second", 1));
        add(rows, "peak memory, GiB", runs, last("peak_memory_bytes", 1 / GIB));
        add(rows, "training time, s", runs, last("train_runtime", 1));
        return new Table("final-values", "The last value that each run logged", header("value", runs), rows);
    }

    private static Function<Run, OptionalDouble> last(String metric, double factor) {
        return run -> scaled(run.metrics().last(metric), factor);
    }

    private static OptionalDouble scaled(OptionalDouble value, double factor) {
        return value.isPresent() ? OptionalDouble.of(value.getAsDouble() * factor) : value;
    }

    /** A row that no run has a value for is left out. */
    private static void add(
            List<List<Table.Cell>> rows, String name, List<Run> runs, Function<Run, OptionalDouble> value) {
        if (runs.stream().anyMatch(run -> value.apply(run).isPresent())) {
            rows.add(row(name, runs, run -> {
                OptionalDouble number = value.apply(run);
                return number.isPresent() ? Table.number(number.getAsDouble()) : Table.NONE;
            }));
        }
    }

    private static List<Table.Cell> row(String name, List<Run> runs, Function<Run, Table.Cell> value) {
        List<Table.Cell> cells = new ArrayList<>();
        cells.add(Table.text(name));
        runs.forEach(run -> cells.add(value.apply(run)));
        return List.copyOf(cells);
    }

    private static List<String> header(String first, List<Run> runs) {
        List<String> header = new ArrayList<>();
        header.add(first);
        runs.forEach(run -> header.add(run.name()));
        return List.copyOf(header);
    }

    static Table differingSettings(List<Run> runs) {
        return settings(
                "settings-that-differ", "Settings that differ between the runs", runs, true, header("setting", runs));
    }

    /** One column, since all have them. */
    static Table sharedSettings(List<Run> runs) {
        String caption = runs.size() == 1 ? "Settings" : "Settings that all runs share";
        return settings("settings", caption, runs, false, List.of("setting", "value"));
    }

    private static Table settings(String id, String caption, List<Run> runs, boolean differing, List<String> header) {
        Set<String> keys = new LinkedHashSet<>();
        runs.forEach(run -> keys.addAll(run.settings().keySet()));
        keys.removeAll(PLACES);
        List<List<Table.Cell>> rows = new ArrayList<>();
        for (String key : keys) {
            if (differs(key, runs) == differing) {
                rows.add(row(key, differing ? runs : runs.subList(0, 1), run -> setting(run, key)));
            }
        }
        return new Table(id, caption, header, List.copyOf(rows));
    }

    private static boolean differs(String key, List<Run> runs) {
        return runs.stream()
                        .map(run -> canonical(run.settings().getOrDefault(key, UNKNOWN)))
                        .distinct()
                        .count()
                > 1;
    }

    /** 5e-4 and 5.0E-4 are the same number. */
    private static Object canonical(String value) {
        return value.matches("[-+]?[0-9.]+([eE][-+]?\\d+)?") && !value.matches(".*\\..*\\..*|[-+]?\\.")
                ? Double.valueOf(value)
                : value;
    }

    private static Table.Cell setting(Run run, String key) {
        String value = run.settings().getOrDefault(key, UNKNOWN);
        return canonical(value) instanceof Double number
                ? new Table.Cell(NumberText.of(number), value, false)
                : Table.text(value);
    }

    /** What was measured of checkpoints after training; empty where nothing was. */
    static Optional<Table> evaluations(List<Run> runs) {
        Set<String> tasks = new LinkedHashSet<>();
        runs.stream()
                .flatMap(run -> run.evaluations().stream())
                .forEach(evaluation -> tasks.addAll(evaluation.accuracies().keySet()));
        boolean hasErrors = runs.stream()
                .flatMap(run -> run.evaluations().stream())
                .anyMatch(evaluation -> evaluation.errors().isPresent());
        List<List<Table.Cell>> rows = new ArrayList<>();
        for (Run run : runs) {
            for (Evaluation evaluation : run.evaluations()) {
                List<Table.Cell> cells = new ArrayList<>();
                cells.add(Table.text(run.name()));
                cells.add(Table.text(evaluation.checkpoint()));
                cells.add(cell(evaluation.epoch()));
                cells.add(cell(evaluation.winRate()));
                addError(cells, evaluation, hasErrors, Evaluation.Errors::winRate);
                cells.add(cell(evaluation.lengthControlled()));
                addError(cells, evaluation, hasErrors, Evaluation.Errors::lengthControlled);
                cells.add(cell(evaluation.meanAccuracy()));
                addError(cells, evaluation, hasErrors, Evaluation.Errors::meanAccuracy);
                tasks.forEach(task ->
                        cells.add(Optional.ofNullable(evaluation.accuracies().get(task))
                                .map(Table::number)
                                .orElse(Table.NONE)));
                rows.add(List.copyOf(cells));
            }
        }
        List<String> header = new ArrayList<>(List.of("run", "checkpoint", "epoch"));
        for (String measure : List.of("win-rate, %", "length-controlled, %", "mean accuracy, %")) {
            header.add(measure);
            if (hasErrors) {
                header.add("±");
            }
        }
        header.addAll(tasks);
        return rows.isEmpty()
                ? Optional.empty()
                : Optional.of(new Table("evaluations", "Evaluations of checkpoints", header, List.copyOf(rows)));
    }

    private static void addError(
            List<Table.Cell> cells,
            Evaluation evaluation,
            boolean hasErrors,
            ToDoubleFunction<Evaluation.Errors> error) {
        if (hasErrors) {
            cells.add(evaluation
                    .errors()
                    .map(error::applyAsDouble)
                    .filter(Double::isFinite)
                    .map(Table::number)
                    .orElse(Table.NONE));
        }
    }

    private static Table.Cell cell(OptionalDouble value) {
        return value.isPresent() ? Table.number(value.getAsDouble()) : Table.NONE;
    }
}

package io.mmpo.report;

import static io.mmpo.spec.ByteUnits.GIB;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** The plots of what runs logged. Where a metric has another unit in another loss, each loss has a plot of its own. */
final class MetricPlots {
    private static final String EVALUATION = "eval_";
    private static final double PERCENT = 100;
    private static final double WIDE = 100; // greatest over smallest, from where on an axis is logarithmic
    private static final String NATS = "nats";
    private static final String NATS_PER_TOKEN = "nats a token";

    private static final Plot.Axis STEPS = Plot.Axis.of("step").fromZeroOn();

    private final List<Run> runs;
    private final List<Plot> plots = new ArrayList<>();

    private MetricPlots(List<Run> runs) {
        this.runs = runs;
    }

    /** Those of which there is something to draw. */
    static List<Plot> of(List<Run> runs) {
        MetricPlots plots = new MetricPlots(runs);
        plots.addAll();
        return List.copyOf(plots.plots);
    }

    private void addAll() {
        byLoss("Loss", "loss", Plot.Axis.of("loss"));
        byLoss("Reward margin", "rewards/margins", Plot.Axis.of("margin"));
        add("Reward accuracy", "%", "rewards/accuracies", PERCENT, Plot.Axis.of("accuracy"), runs);
        addLogps();
        add(
                "Learning rate",
                "",
                "learning_rate",
                1,
                Plot.Axis.of("learning rate").fromZeroOn(),
                runs);
        add(
                "Gradient norm",
                "before clipping",
                "grad_norm",
                1,
                Plot.Axis.of("norm").logarithmicBeyond(WIDE),
                runs);
        add(
                "Throughput",
                "tokens a second",
                "tokens_per_second",
                1,
                Plot.Axis.of("tokens/s").fromZeroOn(),
                runs);
        add(
                "Peak memory",
                "GiB",
                "peak_memory_bytes",
                1 / GIB,
                Plot.Axis.of("GiB").fromZeroOn(),
                runs);
    }

    private void byLoss(String title, String metric, Plot.Axis axis) {
        grouped(Run::lossHeading).forEach((loss, ofLoss) -> add(title + ", " + loss, "", metric, 1, axis, ofLoss));
    }

    /** Both on one scale, to be seen side by side. */
    private void addLogps() {
        grouped(Run::logsMeansOverTokens).forEach((areMeans, ofUnit) -> {
            List<Point> both = new ArrayList<>();
            for (String metric : List.of("logps/chosen", "logps/rejected")) {
                curves(metric, 1, ofUnit).forEach(curve -> both.addAll(curve.points()));
            }
            Plot.Axis axis = Plot.Axis.of("log-probability").alikeWith(List.copyOf(both));
            String unit = areMeans ? NATS_PER_TOKEN : NATS;
            add("Log-probability, chosen", unit, "logps/chosen", 1, axis, ofUnit);
            add("Log-probability, rejected", unit, "logps/rejected", 1, axis, ofUnit);
        });
    }

    private <K> Map<K, List<Run>> grouped(Function<Run, K> key) {
        Map<K, List<Run>> groups = new LinkedHashMap<>();
        runs.forEach(run ->
                groups.computeIfAbsent(key.apply(run), any -> new ArrayList<>()).add(run));
        return groups;
    }

    private void add(String title, String unit, String metric, double factor, Plot.Axis y, List<Run> shown) {
        String id = Plot.idOf(title);
        long alike = plots.stream()
                .filter(plot -> plot.id().equals(id) || plot.id().startsWith(id + "-"))
                .count();
        Plot plot = new Plot(
                alike == 0 ? id : id + "-" + (alike + 1), title, unit, STEPS, y, curves(metric, factor, shown));
        if (!plot.isEmpty()) {
            plots.add(plot);
        }
    }

    private List<Curve> curves(String metric, double factor, List<Run> shown) {
        List<Curve> curves = new ArrayList<>();
        for (Run run : shown) {
            int number = runs.indexOf(run);
            addCurve(curves, run, number, Curve.Kind.TRAINING, run.curve(metric, factor));
            addCurve(curves, run, number, Curve.Kind.EVALUATION, run.curve(EVALUATION + metric, factor));
        }
        return List.copyOf(curves);
    }

    private static void addCurve(List<Curve> curves, Run run, int number, Curve.Kind kind, List<Point> points) {
        Curve curve = new Curve(run.name(), number, kind, points);
        if (!curve.drawable().isEmpty()) {
            curves.add(curve);
        }
    }
}

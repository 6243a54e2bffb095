package io.mmpo.report;

import io.mmpo.report.Mark.Anchor;
import io.mmpo.report.Mark.Ink;
import io.mmpo.report.Mark.Spot;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/**
 * Places a plot's parts: a light grid, the axes' numbers, curves, and each run's name at the end of its curve, where no legend has to be
 * looked up.
 */
final class PlotLayout {
    private static final double TEXT = 12;
    private static final double TITLE = 15;
    private static final double LINE = 14; // from one label to the next
    private static final double GAP = 8;
    private static final double WIDEST_LABEL = 106;
    private static final double WIDEST_LABEL_WITHIN = 170;
    private static final double TITLE_HEIGHT = 44;
    private static final int MOST_POINTS = 600;
    private static final int Y_TICKS = 4;
    private static final double ARROW = 7;
    private static final double ERROR_WIDTH = 1;
    private static final double ERROR_OPACITY = 0.55;

    private final Plot plot;
    private final boolean isTitled;
    private final double width;
    private final double height;
    private final Scale x;
    private final Scale y;
    private final double left;
    private final double right;
    private final double top;
    private final double bottom;
    private final List<Mark> marks = new ArrayList<>();

    /** isTitled: the title is in the drawing, not in the page around it. */
    private PlotLayout(Plot plot, double width, double wantedHeight, boolean isTitled) {
        this.plot = plot.thinned(MOST_POINTS);
        this.isTitled = isTitled;
        this.width = width;
        top = (isTitled ? TITLE_HEIGHT : 0) + GAP + (plot.hasPaths() ? LINE + 4 : 0);
        double below = 2 * LINE + GAP + 2;
        long names = labelled().size();
        height = Math.max(wantedHeight, top + below + names * LINE);
        bottom = height - below;
        y = scale(plot.y(), Point::y, Point::errorY, Y_TICKS, true);
        x = scale(plot.x(), Point::x, Point::errorX, (int) (width / 90), plot.hasPaths());
        left = y.labels().stream()
                        .mapToDouble(label -> TextWidth.of(label, TEXT))
                        .max()
                        .orElse(0)
                + GAP
                + 2;
        right = width - (plot.hasPaths() ? 2 * GAP : labelWidth()) - 2;
    }

    /** As it stands in a page. */
    static Drawing inPage(Plot plot) {
        return new PlotLayout(plot, 420, plot.hasPaths() ? 320 : 235, false).draw();
    }

    /** As a file of its own. */
    static Drawing alone(Plot plot) {
        return new PlotLayout(plot, 640, plot.hasPaths() ? 480 : 400, true).draw();
    }

    private Scale scale(
            Plot.Axis axis, ToDoubleFunction<Point> value, ToDoubleFunction<Point> error, int ticks, boolean encloses) {
        double[] values = DoubleStream.concat(
                        Stream.concat(
                                        plot.curves().stream().flatMap(curve -> curve.drawable().stream()),
                                        axis.alike().stream().filter(Point::isDrawable))
                                .flatMapToDouble(point -> DoubleStream.of(
                                        value.applyAsDouble(point) - error.applyAsDouble(point),
                                        value.applyAsDouble(point) + error.applyAsDouble(point))),
                        axis.fromZero() ? DoubleStream.of(0) : DoubleStream.empty())
                .sorted()
                .toArray();
        if (values.length == 0) {
            return Scale.enclosing(0, 1, ticks);
        }
        double min = values[0];
        double max = values[values.length - 1];
        if (min > 0 && max / min > axis.spread()) {
            return Scale.logarithmic(min, max);
        }
        return encloses ? Scale.enclosing(min, max, ticks) : Scale.exact(min, max, ticks);
    }

    private Drawing draw() {
        if (isTitled) {
            words(2, 18, plot.title(), Ink.Part.TEXT, Anchor.START, TITLE, true);
            words(2, 36, subtitle(), Ink.Part.MUTED, Anchor.START, TEXT, false);
        }
        drawAxes();
        if (plot.hasPaths()) {
            plot.curves().forEach(this::drawPath);
        } else {
            boolean hasBoth = plot.has(Curve.Kind.TRAINING) && plot.has(Curve.Kind.EVALUATION);
            plot.curves().stream().sorted(Comparator.comparing(Curve::kind)).forEach(curve -> drawLine(curve, hasBoth));
        }
        if (plot.hasPaths()) {
            labelPaths();
        } else {
            drawLabels();
        }
        return new Drawing(width, height, List.copyOf(marks));
    }

    /** What the lines are, and the unit. */
    private String subtitle() {
        List<String> parts = new ArrayList<>();
        if (!plot.unit().isEmpty()) {
            parts.add(plot.unit());
        }
        boolean hasBoth = plot.has(Curve.Kind.TRAINING) && plot.has(Curve.Kind.EVALUATION);
        if (hasBoth && !plot.isOfOneRun()) {
            parts.add("line: training, dots: evaluation");
        } else if (plot.has(Curve.Kind.EVALUATION) && !hasBoth) {
            parts.add("evaluation");
        }
        return String.join(" · ", parts);
    }

    private double xOf(double value) {
        return left + x.at(value) * (right - left);
    }

    private double yOf(double value) {
        return bottom - y.at(value) * (bottom - top);
    }

    private Spot spot(Point point) {
        return new Spot(xOf(point.x()), yOf(point.y()));
    }

    private void drawAxes() {
        List<String> yLabels = y.labels();
        for (int i = 0; i < yLabels.size(); i++) {
            double at = yOf(y.ticks().get(i));
            line(left, at, right, at, Ink.Part.GRID);
            words(left - GAP, at + TEXT * 0.36, yLabels.get(i), Ink.Part.MUTED, Anchor.END, TEXT, false);
        }
        line(left, bottom, right, bottom, Ink.Part.AXIS);
        List<String> xLabels = x.labels();
        for (int i = 0; i < xLabels.size(); i++) {
            double at = xOf(x.ticks().get(i));
            if (plot.hasPaths()) {
                line(at, top, at, bottom, Ink.Part.GRID);
            } else {
                line(at, bottom, at, bottom + 4, Ink.Part.AXIS);
            }
            words(at, bottom + LINE + 3, xLabels.get(i), Ink.Part.MUTED, Anchor.MIDDLE, TEXT, false);
        }
        words(right, bottom + 2 * LINE + 4, plot.x().label(), Ink.Part.MUTED, Anchor.END, TEXT, false);
        if (plot.hasPaths()) {
            words(2, top - LINE + 2, plot.y().label(), Ink.Part.MUTED, Anchor.START, TEXT, false);
        }
    }

    /** Beside an evaluation, training is the background. */
    private void drawLine(Curve curve, boolean hasBoth) {
        Ink ink = new Ink.OfRun(curve.run());
        boolean isBackground = hasBoth && curve.kind() == Curve.Kind.TRAINING;
        double strokeWidth = isBackground ? 1.1 : 1.8;
        for (List<Point> stretch : curve.stretches()) {
            if (stretch.size() == 1 && curve.kind() == Curve.Kind.TRAINING) {
                marks.add(new Mark.Dot(spot(stretch.getFirst()), 2, ink, true, tip(curve, stretch.getFirst())));
            } else if (stretch.size() > 1) {
                marks.add(new Mark.Stroke(
                        stretch.stream().map(this::spot).toList(),
                        ink,
                        strokeWidth,
                        isBackground ? 0.55 : 1,
                        Palette.dashOf(curve.run())));
            }
        }
        if (curve.kind() == Curve.Kind.EVALUATION) {
            curve.drawable().forEach(point -> marks.add(new Mark.Dot(spot(point), 2.8, ink, true, tip(curve, point))));
        }
    }

    /** From one checkpoint to the next an arrow; the first has an open circle. */
    private void drawPath(Curve curve) {
        Ink ink = new Ink.OfRun(curve.run());
        List<Point> points = curve.drawable();
        for (int i = 1; i < points.size(); i++) {
            drawArrow(spot(points.get(i - 1)), spot(points.get(i)), ink, Palette.dashOf(curve.run()));
        }
        points.stream().filter(Point::hasErrors).forEach(point -> drawErrors(point, ink));
        for (int i = 0; i < points.size(); i++) {
            marks.add(new Mark.Dot(spot(points.get(i)), 3.6, ink, i > 0, tip(curve, points.get(i))));
        }
    }

    /** A thin cross of one standard error to each side. */
    private void drawErrors(Point point, Ink ink) {
        Spot left = new Spot(xOf(point.x() - point.errorX()), yOf(point.y()));
        Spot right = new Spot(xOf(point.x() + point.errorX()), yOf(point.y()));
        Spot below = new Spot(xOf(point.x()), yOf(point.y() - point.errorY()));
        Spot above = new Spot(xOf(point.x()), yOf(point.y() + point.errorY()));
        marks.add(new Mark.Stroke(List.of(left, right), ink, ERROR_WIDTH, ERROR_OPACITY, 0));
        marks.add(new Mark.Stroke(List.of(below, above), ink, ERROR_WIDTH, ERROR_OPACITY, 0));
    }

    private void drawArrow(Spot from, Spot to, Ink ink, int dash) {
        double dx = to.x() - from.x();
        double dy = to.y() - from.y();
        double length = Math.hypot(dx, dy);
        double clear = 5; // of the circles at both ends
        if (length < 2 * clear + ARROW) {
            marks.add(new Mark.Stroke(List.of(from, to), ink, 1.6, 1, dash));
            return;
        }
        double ux = dx / length;
        double uy = dy / length;
        Spot tip = new Spot(to.x() - clear * ux, to.y() - clear * uy);
        Spot neck = new Spot(tip.x() - ARROW * ux, tip.y() - ARROW * uy);
        marks.add(new Mark.Stroke(List.of(from, neck), ink, 1.6, 1, dash));
        double half = ARROW * 0.45;
        marks.add(new Mark.Area(
                List.of(
                        tip,
                        new Spot(neck.x() - half * uy, neck.y() + half * ux),
                        new Spot(neck.x() + half * uy, neck.y() - half * ux)),
                ink));
    }

    private String tip(Curve curve, Point point) {
        String what = point.note().isEmpty() ? curve.kind().word() : point.note();
        String y = NumberText.of(point.y()) + errorWords(point, point.errorY());
        return String.format(
                Locale.ROOT,
                "%s, %s: %s %s%s, %s",
                curve.label(),
                what,
                plot.x().label(),
                NumberText.of(point.x()),
                errorWords(point, point.errorX()),
                plot.hasPaths() ? plot.y().label() + " " + y : y);
    }

    private static String errorWords(Point point, double error) {
        return point.hasErrors() ? " ± " + NumberText.of(error) : "";
    }

    /** The curve of each run that has its name: the last of those that are drawn. */
    private List<Curve> labelled() {
        List<Curve> drawn = plot.curves().stream()
                .filter(curve -> !curve.drawable().isEmpty())
                .toList();
        if (plot.isOfOneRun() && !plot.hasPaths()) {
            return drawn.size() > 1 ? drawn : List.of();
        }
        return drawn.stream()
                .filter(curve -> drawn.stream()
                        .noneMatch(other ->
                                other.run() == curve.run() && other.kind().compareTo(curve.kind()) > 0))
                .toList();
    }

    private String labelOf(Curve curve) {
        return TextWidth.fitted(
                plot.isOfOneRun() && !plot.hasPaths() ? curve.kind().word() : curve.label(),
                TEXT,
                plot.hasPaths() ? WIDEST_LABEL_WITHIN : WIDEST_LABEL);
    }

    private double labelWidth() {
        return labelled().stream()
                        .mapToDouble(curve -> TextWidth.ofBold(labelOf(curve), TEXT))
                        .max()
                        .orElse(0)
                + (labelled().isEmpty() ? GAP : 2 * GAP);
    }

    /** Beside the last point of each, where no point and no other name is. */
    private void labelPaths() {
        List<Curve> curves = labelled();
        PathLabels places = new PathLabels(left, right, top, bottom);
        plot.curves().forEach(curve -> {
            List<Spot> spots = curve.drawable().stream().map(this::spot).toList();
            places.avoid(spots);
        });
        for (Curve curve : curves) {
            String label = labelOf(curve);
            Spot at = places.place(spot(curve.drawable().getLast()), TextWidth.ofBold(label, TEXT), TEXT);
            words(at.x(), at.y(), label, new Ink.OfRun(curve.run()), Anchor.START, TEXT, true);
        }
    }

    /** In a column at the right, tied to the ends that are near: the line to a run that stopped early would cross the others. */
    private void drawLabels() {
        List<Curve> curves = labelled();
        List<Spot> ends =
                curves.stream().map(curve -> spot(curve.drawable().getLast())).toList();
        double[] places =
                LabelColumn.spread(ends.stream().mapToDouble(Spot::y).toArray(), LINE, top + LINE / 2 - GAP, bottom);
        double labelX = right + 1.5 * GAP;
        for (int i = 0; i < curves.size(); i++) {
            Ink ink = new Ink.OfRun(curves.get(i).run());
            Spot end = ends.get(i);
            boolean isAtTheEdge = end.x() > right - 5 * GAP;
            if (isAtTheEdge && (end.x() < right - GAP || Math.abs(places[i] - end.y()) > LINE / 2)) {
                marks.add(new Mark.Stroke(
                        List.of(new Spot(end.x() + 5, end.y()), new Spot(labelX - 3, places[i])), ink, 0.7, 0.55, 0));
            }
            words(labelX, places[i] + TEXT * 0.36, labelOf(curves.get(i)), ink, Anchor.START, TEXT, true);
        }
    }

    private void line(double x1, double y1, double x2, double y2, Ink ink) {
        marks.add(new Mark.Stroke(List.of(new Spot(x1, y1), new Spot(x2, y2)), ink, 1, 1, 0));
    }

    private void words(double atX, double atY, String text, Ink ink, Anchor anchor, double size, boolean isBold) {
        marks.add(new Mark.Words(new Spot(atX, atY), text, ink, anchor, size, isBold));
    }
}

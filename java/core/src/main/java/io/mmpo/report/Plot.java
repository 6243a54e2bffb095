package io.mmpo.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.TreeMap;

/**
 * What a plot shows, without saying how it is drawn.
 *
 * @param id of files and anchors: letters, digits, hyphens
 * @param unit of y; may be empty
 */
record Plot(String id, String title, String unit, Axis x, Axis y, List<Curve> curves) {
    /**
     * @param fromZero whether 0 is on it in any case
     * @param spread a greater quotient of two values makes it logarithmic; infinite where it never is
     * @param alike the values of other plots beside this one, which have the same axis; may be empty
     */
    record Axis(String label, boolean fromZero, double spread, List<Point> alike) {
        static Axis of(String label) {
            return new Axis(label, false, Double.POSITIVE_INFINITY, List.of());
        }

        Axis fromZeroOn() {
            return new Axis(label, true, spread, alike);
        }

        Axis logarithmicBeyond(double quotient) {
            return new Axis(label, fromZero, quotient, alike);
        }

        Axis alikeWith(List<Point> others) {
            return new Axis(label, fromZero, spread, others);
        }
    }

    boolean hasPaths() {
        return has(Curve.Kind.CHECKPOINTS);
    }

    boolean has(Curve.Kind kind) {
        return curves.stream().anyMatch(curve -> curve.kind() == kind);
    }

    boolean hasErrors() {
        return curves.stream().flatMap(curve -> curve.drawable().stream()).anyMatch(Point::hasErrors);
    }

    boolean isEmpty() {
        return curves.stream().allMatch(curve -> curve.drawable().isEmpty());
    }

    boolean isOfOneRun() {
        return curves.stream().mapToInt(Curve::run).distinct().count() <= 1;
    }

    Plot thinned(int mostPoints) {
        return new Plot(
                id,
                title,
                unit,
                x,
                y,
                curves.stream().map(curve -> curve.thinned(mostPoints)).toList());
    }

    /** One sentence a curve, for those who do not see it. */
    String description() {
        List<String> sentences = new ArrayList<>();
        for (Curve curve : curves) {
            List<Point> points = curve.drawable();
            if (!points.isEmpty()) {
                sentences.add(sentence(curve, points.getFirst(), points.getLast()));
            }
        }
        return String.join(" ", sentences);
    }

    private String sentence(Curve curve, Point first, Point last) {
        String who = curve.label() + " (" + curve.kind().word() + ")";
        if (hasPaths()) {
            return "%s: from %s %s and %s %s to %s and %s, in %s checkpoints."
                    .formatted(
                            who,
                            x.label(),
                            NumberText.of(first.x()),
                            y.label(),
                            NumberText.of(first.y()),
                            NumberText.of(last.x()),
                            NumberText.of(last.y()),
                            curve.drawable().size());
        }
        return first.equals(last)
                ? "%s: %s at %s %s.".formatted(who, NumberText.of(last.y()), x.label(), NumberText.of(last.x()))
                : "%s: from %s at %s %s to %s at %s %s."
                        .formatted(
                                who,
                                NumberText.of(first.y()),
                                x.label(),
                                NumberText.of(first.x()),
                                NumberText.of(last.y()),
                                x.label(),
                                NumberText.of(last.x()));
    }

    /** All values, as a table. */
    Table data() {
        return hasPaths() ? pathData() : lineData();
    }

    private Table pathData() {
        List<List<Table.Cell>> rows = new ArrayList<>();
        for (Curve curve : curves) {
            for (Point point : curve.points()) {
                List<Table.Cell> cells = new ArrayList<>(List.of(
                        Table.text(curve.label()),
                        Table.text(point.note()),
                        Table.number(point.x()),
                        Table.number(point.y())));
                if (hasErrors()) {
                    cells.add(2 + 1, Table.number(point.errorX()));
                    cells.add(Table.number(point.errorY()));
                }
                rows.add(List.copyOf(cells));
            }
        }
        List<String> header = hasErrors()
                ? List.of("run", "checkpoint", x.label(), "±", y.label(), "±")
                : List.of("run", "checkpoint", x.label(), y.label());
        return new Table(id, title, header, rows);
    }

    private Table lineData() {
        List<String> header = new ArrayList<>();
        header.add(x.label());
        TreeMap<Double, List<Table.Cell>> rows = new TreeMap<>();
        curves.forEach(curve -> curve.points()
                .forEach(point -> rows.computeIfAbsent(point.x(), step -> {
                    List<Table.Cell> cells = new ArrayList<>();
                    cells.add(Table.number(step));
                    curves.forEach(any -> cells.add(Table.NONE));
                    return cells;
                })));
        for (int i = 0; i < curves.size(); i++) {
            Curve curve = curves.get(i);
            header.add(
                    isOfOneRun()
                            ? curve.kind().word()
                            : curve.label() + ", " + curve.kind().word());
            for (Point point : curve.points()) {
                Objects.requireNonNull(rows.get(point.x())).set(i + 1, Table.number(point.y()));
            }
        }
        String caption = unit.isEmpty() ? title : title + ", " + unit;
        return new Table(id, caption, header, List.copyOf(rows.values()));
    }

    /** A name of letters, digits and hyphens for a file and an anchor. */
    static String idOf(String words) {
        String id = words.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-").replaceAll("^-|-$", "");
        return id.isEmpty() ? "other" : id.substring(0, Math.min(id.length(), 60));
    }
}

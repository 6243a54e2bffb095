package io.mmpo.report;

import java.util.ArrayList;
import java.util.List;

/**
 * Points of one run in a plot, in their order.
 *
 * @param label the run's name
 * @param run its number, from 0: it decides the colour
 */
record Curve(String label, int run, Kind kind, List<Point> points) {
    enum Kind {
        TRAINING("training"),
        EVALUATION("evaluation"),
        /** From one evaluated checkpoint to the next. */
        CHECKPOINTS("checkpoints");

        private final String word;

        Kind(String word) {
            this.word = word;
        }

        String word() {
            return word;
        }
    }

    List<Point> drawable() {
        return points.stream().filter(Point::isDrawable).toList();
    }

    /** The stretches between points that are no numbers. */
    List<List<Point>> stretches() {
        List<List<Point>> stretches = new ArrayList<>();
        List<Point> current = new ArrayList<>();
        for (Point point : points) {
            if (point.isDrawable()) {
                current.add(point);
            } else if (!current.isEmpty()) {
                stretches.add(List.copyOf(current));
                current.clear();
            }
        }
        if (!current.isEmpty()) {
            stretches.add(List.copyOf(current));
        }
        return stretches;
    }

    /**
     * So many points at most, for a drawing that has no more pixels: of each part of the curve its lowest and its highest, so that no
     * peak is lost; and a point that is no number where there was one, so that gaps stay.
     */
    Curve thinned(int most) {
        if (points.size() <= most) {
            return this;
        }
        List<Point> kept = new ArrayList<>();
        kept.add(points.getFirst());
        int parts = Math.max(1, (most - 2) / 3);
        int inner = points.size() - 2;
        for (int part = 0; part < parts; part++) {
            int from = 1 + (int) ((long) inner * part / parts);
            int to = 1 + (int) ((long) inner * (part + 1) / parts);
            keepExtremes(points.subList(from, to), kept);
        }
        kept.add(points.getLast());
        return new Curve(label, run, kind, List.copyOf(kept));
    }

    private static void keepExtremes(List<Point> part, List<Point> kept) {
        int lowest = -1;
        int highest = -1;
        int gap = -1;
        for (int i = 0; i < part.size(); i++) {
            Point point = part.get(i);
            if (!point.isDrawable()) {
                gap = i;
                continue;
            }
            lowest = lowest < 0 || point.y() < part.get(lowest).y() ? i : lowest;
            highest = highest < 0 || point.y() > part.get(highest).y() ? i : highest;
        }
        for (int i = 0; i < part.size(); i++) {
            if (i == lowest || i == highest || i == gap) {
                kept.add(part.get(i));
            }
        }
    }
}

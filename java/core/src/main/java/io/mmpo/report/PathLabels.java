package io.mmpo.report;

import io.mmpo.report.Mark.Spot;
import java.util.ArrayList;
import java.util.List;

/** Finds room for names beside the ends of paths. */
final class PathLabels {
    private static final double CLEAR = 8; // from the end to its name
    private static final double POINT = 5; // what a circle takes
    private static final int PIECES = 24; // of a line between two points

    private record Box(double left, double top, double right, double bottom) {
        boolean touches(Box other) {
            return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
        }
    }

    private final Box frame;
    private final List<Box> taken = new ArrayList<>();
    private final List<Box> crossed = new ArrayList<>();

    PathLabels(double left, double right, double top, double bottom) {
        frame = new Box(left, top, right, bottom);
    }

    void avoid(List<Spot> path) {
        for (int i = 0; i < path.size(); i++) {
            Spot spot = path.get(i);
            taken.add(around(spot, POINT));
            for (int piece = 1; i > 0 && piece < PIECES; piece++) {
                Spot before = path.get(i - 1);
                double share = (double) piece / PIECES;
                crossed.add(around(
                        new Spot(
                                before.x() + share * (spot.x() - before.x()),
                                before.y() + share * (spot.y() - before.y())),
                        1));
            }
        }
    }

    private static Box around(Spot spot, double radius) {
        return new Box(spot.x() - radius, spot.y() - radius, spot.x() + radius, spot.y() + radius);
    }

    /** Where a name's baseline begins: of the places around its end the one that hides least. */
    Spot place(Spot end, double width, double size) {
        Box best = null;
        double least = Double.POSITIVE_INFINITY;
        for (Box box : candidates(end, width, size)) {
            double cost = cost(box);
            if (cost < least) {
                least = cost;
                best = box;
            }
        }
        Box chosen = java.util.Objects.requireNonNull(best);
        taken.add(chosen);
        return new Spot(chosen.left(), chosen.bottom() - size * 0.25);
    }

    private static List<Box> candidates(Spot end, double width, double size) {
        double half = size * 0.6;
        List<Box> boxes = new ArrayList<>();
        for (double down : new double[] {0, -1.2 * size, 1.2 * size, -2.4 * size, 2.4 * size}) {
            double y = end.y() + down;
            boxes.add(new Box(end.x() + CLEAR, y - half, end.x() + CLEAR + width, y + half));
            boxes.add(new Box(end.x() - CLEAR - width, y - half, end.x() - CLEAR, y + half));
            boxes.add(new Box(end.x() - width / 2, y - half, end.x() + width / 2, y + half));
        }
        return boxes;
    }

    /** A name that is cut off is worst, one over a point or a name is bad, one over a line is better left. */
    private double cost(Box box) {
        double cost = box.left < frame.left
                        || box.right > frame.right + CLEAR
                        || box.top < frame.top - CLEAR
                        || box.bottom > frame.bottom
                ? 10_000
                : 0;
        cost += 100 * taken.stream().filter(box::touches).count();
        return cost + crossed.stream().filter(box::touches).count();
    }
}

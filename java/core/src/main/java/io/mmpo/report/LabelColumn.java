package io.mmpo.report;

import java.util.Comparator;
import java.util.stream.IntStream;

/** Heights of labels in a column: each as near as may be to what it names, and none over another. */
final class LabelColumn {
    private LabelColumn() {}

    /**
     * Groups of labels that would touch are laid side by side around the mean of what they name; groups that touch then are joined.
     *
     * @param wanted heights, in any order
     * @param distance between two labels; smaller where the column is too short for all
     */
    static double[] spread(double[] wanted, double distance, double top, double bottom) {
        int count = wanted.length;
        double gap = count > 1 ? Math.min(distance, (bottom - top) / (count - 1)) : distance;
        int[] order = IntStream.range(0, count)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> wanted[i]))
                .mapToInt(i -> i)
                .toArray();
        double[] firsts = new double[count]; // height of a group's first label
        int[] sizes = new int[count];
        int groups = 0;
        for (int label : order) {
            firsts[groups] = wanted[label];
            sizes[groups] = 1;
            firsts[groups] = clamped(firsts[groups], 1, gap, top, bottom);
            groups++;
            while (groups > 1 && firsts[groups - 2] + sizes[groups - 2] * gap > firsts[groups - 1] + 1e-9) {
                join(firsts, sizes, groups, gap);
                groups--;
                firsts[groups - 1] = clamped(firsts[groups - 1], sizes[groups - 1], gap, top, bottom);
            }
        }
        double[] places = new double[count];
        int next = 0;
        for (int group = 0; group < groups; group++) {
            for (int i = 0; i < sizes[group]; i++) {
                places[order[next++]] = firsts[group] + i * gap;
            }
        }
        return places;
    }

    /** The last two groups: each pulls with as much weight as it has labels. */
    private static void join(double[] firsts, int[] sizes, int groups, double gap) {
        int a = groups - 2;
        int b = groups - 1;
        double first = (firsts[a] * sizes[a] + (firsts[b] - sizes[a] * gap) * sizes[b]) / (sizes[a] + sizes[b]);
        firsts[a] = first;
        sizes[a] += sizes[b];
        sizes[b] = 0;
    }

    private static double clamped(double first, int size, double gap, double top, double bottom) {
        return Math.max(top, Math.min(first, bottom - (size - 1) * gap));
    }
}

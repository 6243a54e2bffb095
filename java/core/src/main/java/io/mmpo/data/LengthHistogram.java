package io.mmpo.data;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** How many prompts, chosen and rejected (or other) segments have how many tokens, in classes that double: 1, 2, 3-4, 5-8, … */
public final class LengthHistogram {
    private static final int MAX_BAR = 40;
    private static final String BLOCK = "#";

    /** Segment to the upper end of a class to its count. */
    private final Map<String, TreeMap<Integer, Integer>> counts = new LinkedHashMap<>();

    public static LengthHistogram of(TokenizedDataset data) {
        LengthHistogram histogram = new LengthHistogram();
        for (int i = 0; i < data.size(); i++) {
            DataInspection.segments(data.get(i)).forEach((name, ids) -> histogram.add(name, ids.length));
        }
        return histogram;
    }

    private void add(String segment, int length) {
        counts.computeIfAbsent(segment, name -> new TreeMap<>()).merge(upperEnd(length), 1, Integer::sum);
    }

    /** The least power of two that is not below the length; 0 of 0. */
    static int upperEnd(int length) {
        return length <= 1 ? length : Integer.highestOneBit(length - 1) << 1;
    }

    /** For JSON: segment to upper end to count. */
    public Map<String, ? extends Map<Integer, Integer>> counts() {
        return counts;
    }

    /** Lines with bars. */
    @Override
    public String toString() {
        List<String> lines = new ArrayList<>();
        counts.forEach((segment, classes) -> {
            lines.add("tokens of " + segment + ":");
            int most =
                    classes.values().stream().mapToInt(Integer::intValue).max().orElse(1);
            for (int end = classes.firstKey(); end <= classes.lastKey(); end = Math.max(1, 2 * end)) {
                int count = classes.getOrDefault(end, 0);
                int bar = (int) Math.ceil((double) MAX_BAR * count / most);
                lines.add(String.format(Locale.ROOT, "%7s-%-6d %7d %s", lowerEnd(end), end, count, BLOCK.repeat(bar))
                        .stripTrailing());
            }
        });
        return String.join("\n", lines);
    }

    private static int lowerEnd(int end) {
        return end <= 2 ? end : end / 2 + 1;
    }
}

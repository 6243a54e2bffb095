package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.BatchResult;
import io.mmpo.nativelib.NativeException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Failures of the core, told with what the core cannot know: which rows, and what the run was doing. */
final class Failures {
    private static final int MOST_ROWS = 16;

    private Failures() {}

    /** doing: "scoring rows ... of train.jsonl", say. */
    static <T> T explain(Supplier<T> call, Supplier<String> doing) {
        try {
            return call.get();
        } catch (NativeException e) {
            throw switch (e.status()) {
                case OUT_OF_MEMORY ->
                    MmpoException.of(
                            MmpoException.Kind.ENVIRONMENT,
                            e,
                            "The memory was not enough while %s: %s. Use a smaller batch size, a smaller max_length or"
                                    + " gradient_checkpointing: full.",
                            doing.get(),
                            e.getMessage());
                case INVALID_ARGUMENT, INVALID_MODEL ->
                    MmpoException.of(MmpoException.Kind.DATA, e, "%s, while %s", e.getMessage(), doing.get());
                case NON_FINITE, INTERNAL -> e;
            };
        }
    }

    /** Rows are numbered as in the file, the first line being 1. */
    static String describe(int[] rows) {
        String numbers = Arrays.stream(rows)
                .limit(MOST_ROWS)
                .mapToObj(row -> Integer.toString(row + 1))
                .collect(Collectors.joining(", "));
        return (rows.length == 1 ? "row " : "rows ") + numbers + (rows.length > MOST_ROWS ? " and others" : "");
    }

    /**
     * Stops the run where a loss or a log-probability that it comes from is not a finite number. scoredAll: otherwise only the
     * chosen completions were scored, and there is no loss.
     */
    static void requireFinite(BatchResult result, MicroBatch batch, boolean scoredAll, String during) {
        List<Integer> broken = new ArrayList<>();
        int completion = 0;
        for (int group = 0; group < batch.numGroups(); group++) {
            int size = batch.packed().groupSizes()[group];
            int scored = scoredAll ? size : 1;
            boolean finite = !scoredAll || Double.isFinite(result.losses()[group]);
            for (int i = 0; i < scored; i++) {
                finite &= Double.isFinite(result.logps()[completion + i]);
            }
            if (!finite) {
                broken.add(batch.rows()[group]);
            }
            completion += size;
        }
        if (!broken.isEmpty()) {
            throw MmpoException.training(
                    "The loss is not a finite number at %s, for %s of the data; nothing was updated. Look at these rows, or lower"
                            + " learning_rate.",
                    during, describe(broken.stream().mapToInt(row -> row).toArray()));
        }
    }
}

package io.mmpo.infer;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.NativeException;
import java.util.Arrays;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Failures of the core, told with what the core cannot know: which rows, and what the command was doing. */
public final class Failures {
    private static final int MOST_ROWS = 16;
    private static final Pattern PLACE_IN_BATCH =
            Pattern.compile("\\b(completion \\d+ of )?(?:group|prompt) (\\d+)\\b");

    private Failures() {}

    /**
     * The call's result.
     *
     * @param rows of the batch, by its groups
     * @param doing "scoring rows ... of train.jsonl", say
     */
    public static <T> T explain(Supplier<T> call, int[] rows, Supplier<String> doing) {
        try {
            return call.get();
        } catch (NativeException e) {
            throw explained(e, rows, doing);
        }
    }

    /** The failure with the rows, which the core counts within its batch. */
    public static RuntimeException explained(NativeException e, int[] rows, Supplier<String> doing) {
        return switch (e.status()) {
            case OUT_OF_MEMORY ->
                MmpoException.of(
                        MmpoException.Kind.ENVIRONMENT,
                        e,
                        "The memory was not enough while %s: %s. Use a smaller batch size, a smaller max_length or"
                                + " gradient_checkpointing: full.",
                        doing.get(),
                        e.getMessage());
            case INVALID_ARGUMENT, INVALID_MODEL ->
                MmpoException.of(
                        MmpoException.Kind.DATA, e, "%s, while %s", withRows(e.getMessage(), rows), doing.get());
            case NON_FINITE ->
                MmpoException.of(
                        MmpoException.Kind.TRAINING, e, "%s, while %s", withRows(e.getMessage(), rows), doing.get());
            case INTERNAL, COLLECTIVE, UNSUPPORTED -> e;
        };
    }

    /** A failure that no row is known of, in words for whoever calls the library; doing: a participle. */
    public static MmpoException ofTheCore(NativeException e, String doing) {
        return explained(e, new int[0], () -> doing) instanceof MmpoException told
                ? told
                : MmpoException.of(
                        MmpoException.Kind.ENVIRONMENT,
                        e,
                        "The native core failed while %s: %s. That is a fault of this library; report it with this text.",
                        doing,
                        e.getMessage());
    }

    /** "completion 3 of group 1" is a completion of a row of the file. */
    static String withRows(String message, int[] rows) {
        return PLACE_IN_BATCH.matcher(message).replaceAll(place -> {
            int index = Integer.parseInt(place.group(2));
            String row = index < rows.length ? "row " + (rows[index] + 1) : "row " + index + " of the batch";
            return (place.group(1) == null ? "" : "a completion of ") + row;
        });
    }

    /** Rows are numbered as in the file, the first line being 1. */
    public static String describe(int[] rows) {
        String numbers = Arrays.stream(rows)
                .limit(MOST_ROWS)
                .mapToObj(row -> Integer.toString(row + 1))
                .collect(Collectors.joining(", "));
        return (rows.length == 1 ? "row " : "rows ") + numbers + (rows.length > MOST_ROWS ? " and others" : "");
    }
}

package io.mmpo.infer;

import io.mmpo.data.tokens.TokenizedGroup;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Counts rows that reach beyond the positions a model was made for. Rotary positions have no end, so such rows are computed as
 * transformers computes them, but the model has seen none like them.
 */
public final class LongRows implements Consumer<TokenizedGroup> {
    private final long positions;
    private long rows;
    private long longRows;
    private long longest;

    /** positions: max_position_embeddings. */
    public LongRows(long positions) {
        this.positions = positions;
    }

    @Override
    public void accept(TokenizedGroup group) {
        int completion = Arrays.stream(group.completions())
                .mapToInt(ids -> ids.length)
                .max()
                .orElse(0);
        long length = (long) group.prompt().length + completion;
        rows++;
        longRows += length > positions ? 1 : 0;
        longest = Math.max(longest, length);
    }

    /** What to say of them; empty where there are none. done: what is done with them, as a participle. */
    public Optional<String> message(String done) {
        return longRows == 0
                ? Optional.empty()
                : Optional.of(
                        "%s of %s rows are longer than the %s positions of the model (max_position_embeddings), the longest has %s"
                                        .formatted(longRows, rows, positions, longest)
                                + " tokens; they are " + done
                                + " as transformers does it, rotary positions going on; max_length: " + positions
                                + " cuts them");
    }
}

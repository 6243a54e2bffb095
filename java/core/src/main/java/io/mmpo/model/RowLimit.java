package io.mmpo.model;

import io.mmpo.MmpoException;
import java.util.Locale;
import java.util.Optional;

/**
 * The longest row that is computed as the model's configuration says: beyond it positions would turn at another speed, and that is
 * not implemented.
 *
 * @param tokens of prompt and completion together
 * @param reason which key of which file it is that changes there
 */
public record RowLimit(long tokens, String reason) {
    /** Where there is one at all. */
    static Optional<RowLimit> of(JsonObject config, RopeConfig rope) {
        return rope.dynamicFrom()
                .map(positions -> new RowLimit(
                        positions,
                        String.format(
                                Locale.ROOT,
                                "%s has rotary embeddings of type \"dynamic\", which turn at another speed beyond %,d positions",
                                config.file(),
                                positions)));
    }

    /** what: "Row 3 of the training data", say. mend: what makes it shorter. */
    public void require(long length, String what, String mend) {
        if (length > tokens) {
            throw MmpoException.data(
                    "%s has %,d tokens, and %s; this is not implemented. %s, or choose another model.",
                    what, length, reason, mend);
        }
    }
}

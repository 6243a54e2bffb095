package io.mmpo.train;

import io.mmpo.dist.Ranks;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Rows are tokenized by the first rank of each host; the others wait and take them from the cache. Without a cache every rank tokenizes.
 */
final class RowTurns {
    private static final String WHAT = "the tokenization of the rows";

    private final Ranks ranks;
    /** Of a rank that has waited: whether any was asked to stop. */
    private final Optional<Boolean> heard;

    private RowTurns(Ranks ranks, Optional<Boolean> heard) {
        this.ranks = ranks;
        this.heard = heard;
    }

    /** Before the rows are opened. */
    static RowTurns await(Ranks ranks, Optional<Path> cache) {
        boolean waits = !ranks.isFirstOfHost() && cache.isPresent();
        return new RowTurns(ranks, waits ? Optional.of(ranks.any(false, WHAT)) : Optional.empty());
    }

    /** After this rank has its rows: whether any rank was asked to stop. */
    boolean stops(boolean isAskedTo) {
        return heard.orElseGet(() -> ranks.any(isAskedTo, WHAT));
    }
}

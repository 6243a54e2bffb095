package io.mmpo.data;

import io.mmpo.data.rows.DatasetSource;
import io.mmpo.data.rows.PreferenceShape;
import io.mmpo.data.rows.RowShape;
import io.mmpo.data.rows.SftShape;
import io.mmpo.data.store.TokenCache;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.Tokenizer;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;

/** What the rows of a file are for. */
public enum RowKind {
    /** Preference pairs: groups of two, chosen before rejected. */
    PREFERENCE(new PreferenceShape()),
    /** Supervised fine-tuning: groups of one completion. */
    SFT(new SftShape());

    private final RowShape shape;

    RowKind(RowShape shape) {
        this.shape = shape;
    }

    /** The rows of one file, not kept in a cache; see below. */
    public TokenizedDataset open(Path file, Supplier<Tokenizer> tokenizer, TokenizationOptions options) {
        return open(DatasetSource.of(file), tokenizer, options, Optional.empty());
    }

    /**
     * Returns at once; rows are read and tokenized on other threads.
     *
     * @param tokenizer asked on those threads, and only if a row is not tokenized already; closed by its owner, after the data set
     * @param cache where rows are found that were tokenized before, and kept for the next time
     */
    public TokenizedDataset open(
            DatasetSource source,
            Supplier<Tokenizer> tokenizer,
            TokenizationOptions options,
            Optional<TokenCache> cache) {
        return new RowPipeline(source, shape, tokenizer, options, cache, RowPipeline.MAX_KIB_IN_FLIGHT);
    }
}

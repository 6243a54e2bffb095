package io.mmpo.data;

import java.nio.file.Path;
import java.util.function.Supplier;

/** Supervised fine-tuning from a file: groups of one completion. */
public final class SftData {
    private SftData() {}

    /**
     * Returns at once; rows are read and tokenized on other threads.
     *
     * @param file .jsonl, or .json with an array
     * @param tokenizer asked on those threads, and only if a row is not tokenized already; closed by its owner, after the data set
     */
    public static TokenizedDataset open(Path file, Supplier<Tokenizer> tokenizer, TokenizationOptions options) {
        return new RowPipeline(file, new SftShape(), tokenizer, options);
    }
}

package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.data.Reading;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.DatasetSummary;
import io.mmpo.data.tokens.Ids;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.model.ModelConfig;
import io.mmpo.model.RowLimit;
import java.util.Optional;
import java.util.OptionalInt;

/** Rows that are looked at whenever one is read: the model has an embedding for each token id, and computes rows of that length. */
final class CheckedRows implements TokenizedDataset {
    private final TokenizedDataset rows;
    private final String purpose;
    private final String model;
    private final long vocabularySize;
    private final Optional<RowLimit> limit;

    /** purpose and model are for messages. */
    CheckedRows(TokenizedDataset rows, String purpose, String model, ModelConfig config) {
        this.rows = rows;
        this.purpose = purpose;
        this.model = model;
        this.vocabularySize = config.shape().vocabSize();
        this.limit = config.rowLimit();
    }

    /** Training or evaluation. */
    String purpose() {
        return purpose;
    }

    @Override
    public TokenizedGroup get(int index) {
        TokenizedGroup group = rows.get(index);
        requireVocabulary(group.prompt(), group.row());
        for (int[] completion : group.completions()) {
            requireVocabulary(Ids.plain(completion), group.row());
            limit.ifPresent(most -> most.require(
                    (long) group.prompt().length + completion.length,
                    "Row " + (group.row() + 1) + " of the " + purpose + " data",
                    "Set max_length to at most " + most.tokens()));
        }
        return group;
    }

    private void requireVocabulary(int[] ids, int row) {
        for (int id : ids) {
            if (id < 0 || id >= vocabularySize) {
                throw MmpoException.data(
                        "Row %d of the %s data has the token id %d, and the model %s has %d tokens; use the tokenizer that belongs to the"
                                + " model",
                        row + 1, purpose, id, model, vocabularySize);
            }
        }
    }

    @Override
    public int size() {
        return rows.size();
    }

    @Override
    public OptionalInt sizeIfKnown() {
        return rows.sizeIfKnown();
    }

    @Override
    public Reading reading() {
        return rows.reading();
    }

    @Override
    public boolean awaitEnd(long millis) {
        return rows.awaitEnd(millis);
    }

    @Override
    public boolean has(int index) {
        return rows.has(index);
    }

    @Override
    public int numTokens(int index) {
        return rows.numTokens(index);
    }

    @Override
    public DatasetSummary summary() {
        return rows.summary();
    }

    @Override
    public int rowsTokenized() {
        return rows.rowsTokenized();
    }

    @Override
    public Optional<String> fingerprint() {
        return rows.fingerprint();
    }

    @Override
    public void close() {
        rows.close();
    }
}

package io.mmpo.train;

import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.store.Fingerprint;
import io.mmpo.data.tokens.TokenizedGroup;
import java.util.function.Consumer;

/** Tells one set of tokenized rows from another: a run that goes on must find the rows that it began with. */
final class DataFingerprint {
    private static final int DIGITS = 16;

    private DataFingerprint() {}

    /** Hexadecimal digits of the rows' token ids in their order. */
    static String of(TokenizedDataset rows) {
        return of(rows, group -> {});
    }

    /** also: sees every row on the way. */
    static String of(TokenizedDataset rows, Consumer<TokenizedGroup> also) {
        Fingerprint fingerprint = new Fingerprint();
        for (int i = 0; i < rows.size(); i++) {
            TokenizedGroup group = rows.get(i);
            also.accept(group);
            fingerprint.add("prompt", group.prompt());
            for (int[] completion : group.completions()) {
                fingerprint.add("completion", completion);
            }
        }
        return fingerprint.hex().substring(0, DIGITS);
    }
}

package io.mmpo.eval;

import io.mmpo.data.store.Fingerprint;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.infer.OpenModel;
import io.mmpo.model.ModelConfig;
import io.mmpo.model.ModelSource;

/**
 * The model that is asked, in memory.
 *
 * @param name of its directories, in results
 * @param fingerprint of all that decides its scores beside the tokens
 */
public record EvaluatedModel(OpenModel open, String name, String fingerprint) {
    /** computation: where and in which type the model computes. */
    public static EvaluatedModel of(OpenModel open, String computation) {
        Fingerprint fingerprint = new Fingerprint().add("computation", computation);
        ModelSource source = open.source();
        source.files().forEach(file -> fingerprint.add(file.getFileName().toString(), file));
        String name = source.adapter()
                .map(adapter -> source.base() + ",peft=" + adapter)
                .orElse(source.base().toString());
        return new EvaluatedModel(open, name, fingerprint.hex());
    }

    public Tokenizer tokenizer() {
        return open.tokenizer().get();
    }

    public ModelConfig config() {
        return open.config();
    }

    /** That the model was made for. */
    public int positions() {
        return Math.toIntExact(Math.min(Integer.MAX_VALUE / 2, open.positions()));
    }
}

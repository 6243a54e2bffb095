package io.mmpo.eval;

import io.mmpo.data.store.Fingerprint;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.model.ModelConfig;
import io.mmpo.model.PretrainedModel;
import io.mmpo.nativelib.NativeModel;

/**
 * The model that is asked, in memory.
 *
 * @param name of its directories, in results
 * @param fingerprint of all that decides its scores beside the tokens
 */
public record EvaluatedModel(
        NativeModel core, Tokenizer tokenizer, ModelConfig config, String name, String fingerprint) {
    /** computation: where and in which type the model computes. */
    public static EvaluatedModel of(PretrainedModel model, Tokenizer tokenizer, String computation) {
        Fingerprint fingerprint = new Fingerprint().add("computation", computation);
        model.source()
                .files()
                .forEach(file -> fingerprint.add(file.getFileName().toString(), file));
        String name = model.source()
                .adapter()
                .map(adapter -> model.source().base() + ",peft=" + adapter)
                .orElse(model.source().base().toString());
        return new EvaluatedModel(model.core(), tokenizer, model.config(), name, fingerprint.hex());
    }

    /** That the model was made for. */
    public int positions() {
        return Math.toIntExact(Math.min(Integer.MAX_VALUE / 2, config.shape().maxPositions()));
    }
}

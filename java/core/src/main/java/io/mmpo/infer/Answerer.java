package io.mmpo.infer;

import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.TokenListener;
import io.mmpo.spec.Sampling;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** Prompts to texts, drawn until the model ends its turn. */
public final class Answerer {
    private final NativeModel core;
    private final Tokenizer tokenizer;
    private final Sampling sampling;
    private final Set<Integer> stops;

    /** sampling: its seed is that of the first of all prompts; see {@link #answer}. */
    public Answerer(OpenModel model, Sampling sampling) {
        this.core = model.core();
        this.tokenizer = model.tokenizer().get();
        this.sampling = sampling;
        this.stops = new LinkedHashSet<>(model.config().eosTokenIds());
        tokenizer.eosTokenId().ifPresent(stops::add);
    }

    /**
     * An answer.
     *
     * @param text without special tokens
     * @param stopped whether the model ended it itself, and not the limit of new tokens
     */
    public record Answer(String text, int[] tokenIds, boolean stopped) {}

    /** Tokens that end an answer. */
    public int[] stops() {
        return stops.stream().mapToInt(stop -> stop).toArray();
    }

    /**
     * Answers a batch of prompts together.
     *
     * @param first the place of the batch's first prompt among all that are answered: sequences draw from streams of (seed, place in
     *     the batch), so batches must not share a seed
     */
    public List<Answer> answer(List<int[]> prompts, int first) {
        return answer(prompts, first, TokenListener.NONE);
    }

    /** The same with someone who hears each token, and may end the texts. */
    public List<Answer> answer(List<int[]> prompts, int first, TokenListener listener) {
        Sampling ofBatch = new Sampling(
                sampling.temperature(),
                sampling.topP(),
                sampling.topK(),
                sampling.seed() + 0x9E3779B97F4A7C15L * first,
                sampling.maxNewTokens());
        return Arrays.stream(core.generate(prompts, stops(), ofBatch, listener))
                .map(this::read)
                .toList();
    }

    private Answer read(int[] tokens) {
        boolean stopped = tokens.length > 0 && stops.contains(tokens[tokens.length - 1]);
        return new Answer(tokenizer.decode(tokens, true), tokens, stopped);
    }
}

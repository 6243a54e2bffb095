package io.mmpo.infer;

import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.TokenListener;
import io.mmpo.nativelib.TokenListener.Next;
import io.mmpo.spec.Sampling;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Prompts to texts, drawn until the model ends its turn. So many are drawn together; one that ends gives its place to the next. What
 * a prompt's text is depends on the prompt, its number and the sampling, not on what shares the batch.
 */
public final class Answerer {
    private final NativeModel core;
    private final Tokenizer tokenizer;
    private final Sampling sampling;
    private final int batchSize;
    private final Set<Integer> stops;

    public Answerer(OpenModel model, Sampling sampling, int batchSize) {
        this.core = model.core();
        this.tokenizer = model.tokenizer().get();
        this.sampling = sampling;
        this.batchSize = batchSize;
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

    /** Hears answers while they are drawn. */
    public interface Listener {
        /** A token of the answer to a prompt of the list, with those before it. Ending all leaves what has not ended unanswered. */
        default Next heard(int prompt, int[] soFar) {
            return Next.GOES_ON;
        }

        /** The answer has ended. */
        void answered(int prompt, Answer answer);
    }

    /** Tokens that end an answer. */
    public int[] stops() {
        return stops.stream().mapToInt(stop -> stop).toArray();
    }

    /** The answers to all prompts, each numbered by its place. */
    public List<Answer> answer(List<int[]> prompts) {
        @Nullable Answer[] answers = new Answer[prompts.size()];
        answer(prompts, IntStream.range(0, prompts.size()).toArray(), (prompt, answer) -> answers[prompt] = answer);
        return Arrays.stream(answers).map(Objects::requireNonNull).toList();
    }

    /**
     * Answers prompts, in the order in which they end.
     *
     * @param numbers of the prompts: each draws from the random stream of the seed and its number
     */
    public void answer(List<int[]> prompts, int[] numbers, Listener listener) {
        List<Text> texts = prompts.stream().map(prompt -> new Text()).toList();
        TokenListener tokens = (prompt, token) -> {
            Text text = texts.get(prompt);
            text.add(token);
            Next next = listener.heard(prompt, text.ids());
            boolean ends = stops.contains(token) || text.count == sampling.maxNewTokens();
            if (next == Next.ENDS_PROMPT || (ends && next == Next.GOES_ON)) {
                listener.answered(prompt, read(text.ids()));
            }
            return next;
        };
        long[] streams = Arrays.stream(numbers).asLongStream().toArray();
        core.generate(new NativeModel.Generation(prompts, streams, batchSize, stops(), sampling), tokens);
    }

    private Answer read(int[] tokens) {
        boolean stopped = tokens.length > 0 && stops.contains(tokens[tokens.length - 1]);
        return new Answer(tokenizer.decode(tokens, true), tokens, stopped);
    }

    private static final class Text {
        private int[] ids = new int[64];
        private int count;

        void add(int token) {
            if (count == ids.length) {
                ids = Arrays.copyOf(ids, 2 * count);
            }
            ids[count++] = token;
        }

        int[] ids() {
            return Arrays.copyOf(ids, count);
        }
    }
}

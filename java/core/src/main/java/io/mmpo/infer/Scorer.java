package io.mmpo.infer;

import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.nativelib.BatchResult;
import io.mmpo.nativelib.CompletionScores;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.PackedBatch;
import io.mmpo.spec.Objective;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Rows to log-probabilities. A call computes its rows together; results stand in the order of the rows, and of the completions within
 * a row. A failure of the core names the rows.
 */
public final class Scorer {
    private final NativeModel core;

    /** Of a model that its owner trains as well, and closes: {@link OpenModel} gives one of its own. */
    public Scorer(NativeModel core) {
        this.core = core;
    }

    /** Visits the rows in their order, so many at a time, while they are still being tokenized. Returns how many there were. */
    public static int inBatches(TokenizedDataset rows, int batchSize, Consumer<List<TokenizedGroup>> visitor) {
        int first = 0;
        while (rows.has(first)) {
            List<TokenizedGroup> batch = new ArrayList<>();
            for (int i = first; i < first + batchSize && rows.has(i); i++) {
                batch.add(rows.get(i));
            }
            visitor.accept(batch);
            first += batch.size();
        }
        return first;
    }

    /** [completions] nats, summed over tokens. of: what the rows are of, for a failure's text. */
    public double[] logps(List<TokenizedGroup> rows, String of) {
        return compute(rows, of, core::logps);
    }

    /** [completions][tokens of the completion] nats. */
    public float[][] tokenLogps(List<TokenizedGroup> rows, String of) {
        return compute(rows, of, core::tokenLogps);
    }

    /**
     * With whether greedy decoding would give the completion. What all prompts begin with, examples say, is computed once for them where
     * that saves much of the work; on the CPU no bit of a score depends on it.
     */
    public CompletionScores scores(List<TokenizedGroup> rows, String of) {
        return explained(() -> core.score(sharing(rows)), numbers(rows), of);
    }

    /**
     * The objective's losses and rewards, with the rows as its micro-batch.
     *
     * @param referenceLogps [completions], or null where the objective reads none
     */
    public BatchResult evaluate(
            List<TokenizedGroup> rows, String of, Objective objective, double @Nullable [] referenceLogps) {
        return evaluate(packed(rows), numbers(rows), of, objective, referenceLogps);
    }

    /** The same of rows that are packed already, with their numbers in the file. */
    public BatchResult evaluate(
            PackedBatch batch, int[] numbers, String of, Objective objective, double @Nullable [] referenceLogps) {
        return explained(() -> core.evaluate(batch, objective, referenceLogps), numbers, of);
    }

    private static <T> T compute(List<TokenizedGroup> rows, String of, Function<PackedBatch, T> call) {
        PackedBatch batch = packed(rows);
        return explained(() -> call.apply(batch), numbers(rows), of);
    }

    private static <T> T explained(Supplier<T> call, int[] numbers, String of) {
        return Failures.explain(call, numbers, () -> "scoring " + Failures.describe(numbers) + " of " + of);
    }

    private static PackedBatch packed(List<TokenizedGroup> rows) {
        return PackedBatch.of(
                rows.stream().map(TokenizedGroup::prompt).toList(),
                rows.stream().map(TokenizedGroup::completions).toList());
    }

    /** Packed, with what all prompts begin with apart where that is worth it. */
    static PackedBatch sharing(List<TokenizedGroup> rows) {
        List<int[]> prompts = rows.stream().map(TokenizedGroup::prompt).toList();
        int common = CommonBeginning.length(prompts);
        PackedBatch whole = packed(rows);
        if (!CommonBeginning.isWorth(common, rows.size(), whole.tokens().length)) {
            return whole;
        }
        List<int[]> rests = prompts.stream()
                .map(prompt -> Arrays.copyOfRange(prompt, common, prompt.length))
                .toList();
        return PackedBatch.of(
                        rests, rows.stream().map(TokenizedGroup::completions).toList())
                .behind(Arrays.copyOf(prompts.getFirst(), common));
    }

    private static int[] numbers(List<TokenizedGroup> rows) {
        return rows.stream().mapToInt(TokenizedGroup::row).toArray();
    }
}

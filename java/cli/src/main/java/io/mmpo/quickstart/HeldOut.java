package io.mmpo.quickstart;

import io.mmpo.config.TrainingConfig;
import io.mmpo.data.RowKind;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.model.ModelFiles;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.PackedBatch;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Objective;
import io.mmpo.spec.Sampling;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The questions and pairs that no model was trained on: each model answers the questions and scores the pairs. SFT is measured
 * first; its log-probabilities are the reference of the others.
 */
final class HeldOut implements AutoCloseable {
    /** High enough that a model shows the mixture that it has learned, and not only its likeliest answer. */
    static final double TEMPERATURE = 0.7;

    private static final int MAX_NEW_TOKENS = 40;
    private static final int BATCH_SIZE = 32;

    private final List<Corpus.Pair> pairs;
    private final long seed;
    private final Tokenizer tokenizer;
    private final List<TokenizedGroup> rows;
    private double[] referenceLogps = {};

    /**
     * @param rewardAccuracy share of the pairs whose chosen answer has the greater reward: s_w and s_l for MMPO, β(log π − log
     *     π_sft) for DPO; the log-probability itself for SFT, which has no reward
     */
    record Measurement(List<AnswerRule.Answer> answers, List<AnswerRule.Verdict> verdicts, double rewardAccuracy) {
        double meanPoints() {
            return verdicts.stream()
                    .mapToInt(AnswerRule.Verdict::points)
                    .average()
                    .orElseThrow();
        }

        double shareRight() {
            return verdicts.stream().filter(AnswerRule.Verdict::right).count() / (double) verdicts.size();
        }
    }

    private HeldOut(List<Corpus.Pair> pairs, long seed, Tokenizer tokenizer, List<TokenizedGroup> rows) {
        this.pairs = pairs;
        this.seed = seed;
        this.tokenizer = tokenizer;
        this.rows = rows;
    }

    /** file: the pairs as they stand in it, one a question. */
    static HeldOut open(Path modelDirectory, Path file, List<Corpus.Pair> pairs, long seed) {
        Tokenizer tokenizer = Tokenizer.open(modelDirectory, Optional.empty());
        try (TokenizedDataset dataset = RowKind.PREFERENCE.open(file, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            List<TokenizedGroup> rows = new ArrayList<>();
            for (int i = 0; i < dataset.size(); i++) {
                rows.add(dataset.get(i));
            }
            return new HeldOut(pairs, seed, tokenizer, rows);
        } catch (RuntimeException | Error e) {
            tokenizer.close();
            throw e;
        }
    }

    Measurement measure(Path modelDirectory, TrainingConfig config) {
        try (ModelFiles files = ModelFiles.open(modelDirectory);
                NativeModel model = files.load(ComputeType.FLOAT32)) {
            if (config.loss().isSft()) {
                referenceLogps = logps(model);
            }
            List<AnswerRule.Answer> answers = answer(model);
            List<AnswerRule.Verdict> verdicts = new ArrayList<>();
            for (int i = 0; i < answers.size(); i++) {
                verdicts.add(AnswerRule.judge(pairs.get(i).example().fact(), answers.get(i)));
            }
            return new Measurement(answers, verdicts, accuracy(rewards(model, config)));
        }
    }

    private List<AnswerRule.Answer> answer(NativeModel model) {
        int end = tokenizer.eosTokenId().orElseThrow();
        List<AnswerRule.Answer> answers = new ArrayList<>();
        for (int first = 0; first < rows.size(); first += BATCH_SIZE) {
            List<int[]> prompts =
                    batch(first).stream().map(TokenizedGroup::prompt).toList();
            // A batch's sequences draw from streams of (seed, place in the batch): batches must not share a seed.
            Sampling sampling = new Sampling(TEMPERATURE, 1, 0, seed + 0x9E3779B97F4A7C15L * first, MAX_NEW_TOKENS);
            for (int[] tokens : model.generate(prompts, new int[] {end}, sampling)) {
                boolean ended = tokens.length > 0 && tokens[tokens.length - 1] == end;
                answers.add(new AnswerRule.Answer(tokenizer.decode(tokens, true).strip(), ended));
            }
        }
        return answers;
    }

    /** [2 · pairs], chosen before rejected. */
    private double[] logps(NativeModel model) {
        double[] logps = new double[2 * rows.size()];
        for (int first = 0; first < rows.size(); first += BATCH_SIZE) {
            copy(model.logps(pack(batch(first))), logps, first);
        }
        return logps;
    }

    /** [2 · pairs]. The batches are those of the run's own evaluation, since MMPO normalises within a batch. */
    private double[] rewards(NativeModel model, TrainingConfig config) {
        if (config.loss().isSft()) {
            return referenceLogps;
        }
        Objective objective = config.loss().objective(1, true);
        int batchSize = config.batches().evalBatchSize();
        double[] rewards = new double[2 * rows.size()];
        for (int first = 0; first < rows.size(); first += batchSize) {
            List<TokenizedGroup> batch = rows.subList(first, Math.min(rows.size(), first + batchSize));
            double[] references = Arrays.copyOfRange(referenceLogps, 2 * first, 2 * (first + batch.size()));
            copy(model.evaluate(pack(batch), objective, references).rewards(), rewards, first);
        }
        return rewards;
    }

    private static double accuracy(double[] rewards) {
        int right = 0;
        for (int chosen = 0; chosen < rewards.length; chosen += 2) {
            right += rewards[chosen] > rewards[chosen + 1] ? 1 : 0;
        }
        return right / (rewards.length / 2.0);
    }

    private static void copy(double[] ofBatch, double[] all, int firstPair) {
        System.arraycopy(ofBatch, 0, all, 2 * firstPair, ofBatch.length);
    }

    private List<TokenizedGroup> batch(int first) {
        return rows.subList(first, Math.min(rows.size(), first + BATCH_SIZE));
    }

    private static PackedBatch pack(List<TokenizedGroup> groups) {
        return PackedBatch.of(
                groups.stream().map(TokenizedGroup::prompt).toList(),
                groups.stream().map(TokenizedGroup::completions).toList());
    }

    @Override
    public void close() {
        tokenizer.close();
    }
}

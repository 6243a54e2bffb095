package io.mmpo.quickstart;

import io.mmpo.config.TrainingConfig;
import io.mmpo.data.RowKind;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.infer.Answerer;
import io.mmpo.infer.ModelSources;
import io.mmpo.infer.OpenModel;
import io.mmpo.infer.Scorer;
import io.mmpo.model.ModelSource;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import io.mmpo.spec.Objective;
import io.mmpo.spec.Sampling;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The questions and pairs that no model was trained on: each model answers the questions and scores the pairs. SFT is measured
 * first; its log-probabilities are the reference of the others.
 */
final class HeldOut {
    /** High enough that a model shows the mixture that it has learned, and not only its likeliest answer. */
    static final double TEMPERATURE = 0.7;

    private static final int MAX_NEW_TOKENS = 40;
    private static final int BATCH_SIZE = 32;

    /** Where the rows are from, for a failure's text. */
    private static final String OF = "the held-out pairs";

    private final List<Corpus.Pair> pairs;
    private final long seed;
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

    private HeldOut(List<Corpus.Pair> pairs, long seed, List<TokenizedGroup> rows) {
        this.pairs = pairs;
        this.seed = seed;
        this.rows = rows;
    }

    /** file: the pairs as they stand in it, one a question. */
    static HeldOut open(Path modelDirectory, Path file, List<Corpus.Pair> pairs, long seed) {
        try (Tokenizer tokenizer = Tokenizer.open(modelDirectory, Optional.empty());
                TokenizedDataset dataset =
                        RowKind.PREFERENCE.open(file, () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            List<TokenizedGroup> rows =
                    IntStream.range(0, dataset.size()).mapToObj(dataset::get).toList();
            return new HeldOut(pairs, seed, rows);
        }
    }

    Measurement measure(Path modelDirectory, TrainingConfig config) {
        ModelSource source = ModelSources.of(modelDirectory, Optional.empty(), message -> {});
        try (OpenModel model = OpenModel.open(source, Optional.empty(), ComputeType.FLOAT32, Device.CPU)) {
            Scorer scorer = model.scorer();
            if (config.loss().isSft()) {
                referenceLogps = logps(scorer);
            }
            List<AnswerRule.Answer> answers = answer(model);
            List<AnswerRule.Verdict> verdicts = new ArrayList<>();
            for (int i = 0; i < answers.size(); i++) {
                verdicts.add(AnswerRule.judge(pairs.get(i).example().fact(), answers.get(i)));
            }
            return new Measurement(answers, verdicts, accuracy(rewards(scorer, config)));
        }
    }

    private List<AnswerRule.Answer> answer(OpenModel model) {
        Sampling sampling = new Sampling(TEMPERATURE, 1, 0, seed, MAX_NEW_TOKENS);
        List<int[]> prompts = rows.stream().map(TokenizedGroup::prompt).toList();
        return new Answerer(model, sampling, BATCH_SIZE)
                .answer(prompts).stream()
                        .map(answer -> new AnswerRule.Answer(answer.text().strip(), answer.stopped()))
                        .toList();
    }

    /** [2 · pairs], chosen before rejected. */
    private double[] logps(Scorer scorer) {
        double[] logps = new double[2 * rows.size()];
        for (int first = 0; first < rows.size(); first += BATCH_SIZE) {
            copy(scorer.logps(batch(first), OF), logps, first);
        }
        return logps;
    }

    /** [2 · pairs]. The batches are those of the run's own evaluation, since MMPO normalises within a batch. */
    private double[] rewards(Scorer scorer, TrainingConfig config) {
        if (config.loss().isSft()) {
            return referenceLogps;
        }
        Objective objective = config.loss().objective(1, true);
        int batchSize = config.batches().evalBatchSize();
        double[] rewards = new double[2 * rows.size()];
        for (int first = 0; first < rows.size(); first += batchSize) {
            List<TokenizedGroup> batch = rows.subList(first, Math.min(rows.size(), first + batchSize));
            double[] references = Arrays.copyOfRange(referenceLogps, 2 * first, 2 * (first + batch.size()));
            copy(scorer.evaluate(batch, OF, objective, references).rewards(), rewards, first);
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
}

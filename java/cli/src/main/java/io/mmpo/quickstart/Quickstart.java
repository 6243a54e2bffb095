package io.mmpo.quickstart;

import io.mmpo.config.ConfigLoader;
import io.mmpo.config.TrainingConfig;
import io.mmpo.train.ProgressListener;
import io.mmpo.train.Trainer;
import io.mmpo.train.TrainingResult;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The whole road in miniature, on a model that it makes itself: data, tokenizer and random weights from a seed; SFT; MMPO and DPO
 * from the SFT model; answers to held-out questions, judged by a rule.
 */
public final class Quickstart {
    private final Options options;
    private final Narrator narrator;
    private final ProgressListener listener;
    private final WorkDirectory directory;
    private final Scale scale;

    /** fast: a much smaller model, for tests. */
    public record Options(Path output, long seed, boolean fast) {}

    private Quickstart(Options options, PrintWriter out, ProgressListener listener, WorkDirectory directory) {
        this.options = options;
        this.narrator = new Narrator(out);
        this.listener = listener;
        this.directory = directory;
        this.scale = options.fast() ? Scale.FAST : Scale.FULL;
    }

    /**
     * Runs to the end and prints the comparison to {@code out}, or stops where the listener asks for it.
     *
     * @return whether it ran to the end
     */
    public static boolean run(Options options, PrintWriter out, ProgressListener listener) {
        try (WorkDirectory directory = WorkDirectory.open(options.output(), listener::message)) {
            return new Quickstart(options, out, listener, directory).run();
        }
    }

    private boolean run() {
        Corpus corpus = prepare();
        List<StageResult> results = new ArrayList<>();
        List<Corpus.Pair> pairs = corpus.test().pairs();
        HeldOut heldOut = HeldOut.open(directory.model(), directory.testPairs(), pairs, options.seed());
        for (Stage stage : Stage.values()) {
            announce(stage);
            TrainingConfig config =
                    ConfigLoader.load(directory.config(stage), List.of()).config();
            long start = System.nanoTime();
            TrainingResult trained = Trainer.run(config, listener);
            double seconds = (System.nanoTime() - start) * 1e-9;
            if (trained.interrupted()) {
                return false;
            }
            narrator.step(
                    "%s answers %d questions that no model has seen, at temperature %s",
                    stage, pairs.size(), HeldOut.TEMPERATURE);
            HeldOut.Measurement measurement =
                    heldOut.measure(trained.directory().orElseThrow(), config);
            HeldOut.Measurement sft =
                    results.isEmpty() ? measurement : results.getFirst().heldOut();
            results.add(
                    new StageResult(stage, measurement, WinRate.of(measurement.verdicts(), sft.verdicts()), seconds));
            if (listener.stopRequested()) {
                return false;
            }
        }
        ResultFiles.write(directory, pairs, results);
        new Report(narrator, options.output()).print(pairs, results);
        return true;
    }

    private Corpus prepare() {
        Corpus corpus = Corpus.generate(options.seed(), scale.factsPerTopic(), scale.repetitions());
        CorpusFiles.write(corpus, directory.sftData(), directory.pairData());
        narrator.step(
                "Data: %d demonstrations, half of them rude, cut short or off topic; %d preference pairs; %d + %d questions held back",
                corpus.train().demonstrations().size(),
                corpus.train().pairs().size(),
                corpus.validation().examples().size(),
                corpus.test().examples().size());
        List<String> texts = corpus.train().demonstrations().stream()
                .map(row -> "user\n" + row.example().question() + "\nassistant\n" + row.answer())
                .toList();
        int vocabularySize = TokenizerWriter.write(
                directory.model(), BytePairTrainer.learn(texts, scale.mostMerges()), RandomLlama.MAX_POSITIONS);
        long parameters = RandomLlama.write(directory.model(), scale.shape(), vocabularySize, options.seed());
        narrator.step(
                "Model: a Llama with random weights, %,d parameters in %d layers, and a byte-level tokenizer of %d tokens",
                parameters, scale.shape().numLayers(), vocabularySize);
        new Configurations(directory, scale, options.seed()).write();
        return corpus;
    }

    private void announce(Stage stage) {
        switch (stage) {
            case SFT ->
                narrator.step(
                        "SFT: learns to answer from the demonstrations, so it will mix good answers with bad ones");
            case MMPO -> {
                narrator.step(
                        "MMPO, from the SFT model: λ = 1, the paper's objective, where the loss of a pair is exactly -s_w");
                narrator.say(
                        "           (log-probability plus normalised reward of the chosen answer). Its gradient reaches the chosen answer"
                                + " alone: expect that one to%n           grow likelier, and the rejected one to lose ground only as"
                                + " probability moves away from it.");
            }
            case DPO ->
                narrator.step(
                        "DPO, from the same SFT model: the loss compares the two answers, so the rejected one is pushed down as well");
        }
    }
}

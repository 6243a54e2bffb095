package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.config.DataOptions;
import io.mmpo.config.IntervalStrategy;
import io.mmpo.config.TrainingConfig;
import io.mmpo.data.PreferenceData;
import io.mmpo.data.SftData;
import io.mmpo.data.TokenizationOptions;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.Tokenizer;
import io.mmpo.data.TruncationMode;
import io.mmpo.nativelib.LossType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;

/** The rows that a configuration names, tokenized as it says. */
public final class TrainingRows {
    private final TrainingConfig config;
    private final Supplier<Tokenizer> tokenizer;

    /** tokenizer: asked only where rows do not come tokenized. */
    public TrainingRows(TrainingConfig config, Supplier<Tokenizer> tokenizer) {
        this.config = config;
        this.tokenizer = tokenizer;
    }

    public TokenizedDataset openTraining() {
        return open(trainingFile());
    }

    /** Empty where nothing is evaluated. */
    public Optional<TokenizedDataset> openEvaluation() {
        if (config.run().evalStrategy() == IntervalStrategy.NO) {
            return Optional.empty();
        }
        DataOptions data = config.data();
        return Optional.of(open(fileOf(data.evalDataset().orElse(data.dataset()), data.testSplit())));
    }

    public Path trainingFile() {
        return fileOf(config.data().dataset(), config.data().trainSplit());
    }

    private TokenizedDataset open(Path file) {
        TokenizationOptions options = options(config.data());
        return config.loss().type() == LossType.SFT
                ? SftData.open(file, tokenizer, options)
                : PreferenceData.open(file, tokenizer, options);
    }

    private static Path fileOf(Path dataset, String split) {
        if (Files.isDirectory(dataset)) {
            return dataset.resolve(split + ".jsonl");
        }
        if (!Files.exists(dataset)) {
            throw MmpoException.data(
                    "There is no data file %s; give the path of a JSON-lines file, or of a directory with %s.jsonl (data sets of a hub are"
                            + " not fetched yet)",
                    dataset, split);
        }
        return dataset;
    }

    private static TokenizationOptions options(DataOptions data) {
        return new TokenizationOptions(
                data.maxLength(),
                data.maxPromptLength(),
                data.maxCompletionLength(),
                TruncationMode.valueOf(data.truncationMode().toUpperCase(Locale.ROOT)));
    }
}

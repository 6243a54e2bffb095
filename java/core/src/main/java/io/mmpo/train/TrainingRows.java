package io.mmpo.train;

import io.mmpo.config.DataOptions;
import io.mmpo.config.DatasetOptions;
import io.mmpo.config.IntervalStrategy;
import io.mmpo.config.TrainingConfig;
import io.mmpo.data.MixedData;
import io.mmpo.data.RowKind;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.rows.DataFiles;
import io.mmpo.data.rows.DatasetSource;
import io.mmpo.data.store.TokenCache;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.data.tokens.TruncationMode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** The rows that a configuration names, tokenized as it says. */
public final class TrainingRows {
    private final TrainingConfig config;
    private final Path modelDirectory;
    private final Supplier<Tokenizer> tokenizer;
    private final Consumer<String> messages;

    /**
     * The rows of a configuration.
     *
     * @param modelDirectory where the tokenizer's files are
     * @param tokenizer asked only where rows do not come tokenized
     * @param messages hears what is fetched from a hub
     */
    public TrainingRows(
            TrainingConfig config, Path modelDirectory, Supplier<Tokenizer> tokenizer, Consumer<String> messages) {
        this.config = config;
        this.modelDirectory = modelDirectory;
        this.tokenizer = tokenizer;
        this.messages = messages;
    }

    public TokenizedDataset openTraining() {
        List<DatasetOptions> datasets = config.data().training();
        if (datasets.size() == 1 && datasets.getFirst().weight() == 1) {
            return open(datasets.getFirst());
        }
        List<MixedData.Part> parts = new ArrayList<>();
        try {
            for (DatasetOptions dataset : datasets) {
                parts.add(new MixedData.Part(open(dataset), dataset.weight()));
            }
            return new MixedData(parts, config.run().seed());
        } catch (RuntimeException | Error e) {
            parts.forEach(part -> part.data().close());
            throw e;
        }
    }

    /** Empty where nothing is evaluated, or where there is nothing to evaluate on, which is told. */
    public Optional<TokenizedDataset> openEvaluation() {
        if (config.run().evalStrategy() == IntervalStrategy.NO) {
            return Optional.empty();
        }
        if (!config.data().mayEvaluate()) {
            messages.accept("nothing will be evaluated, although eval_strategy is "
                    + config.run().evalStrategy().name().toLowerCase(Locale.ROOT)
                    + ": there are no rows for it; set eval_dataset_name, or let dataset_name be a directory or a data set with a "
                    + config.data().testSplit() + " split");
            return Optional.empty();
        }
        return config.data().evaluation().map(this::open);
    }

    private TokenizedDataset open(DatasetOptions dataset) {
        List<Path> files = DataFiles.find(dataset.path(), dataset.config(), dataset.split(), messages);
        String name = files.size() == 1 ? files.getFirst().toString() : dataset.path();
        DatasetSource source = new DatasetSource(name, files, dataset.columns());
        TokenizationOptions options = options(config.data());
        Optional<TokenCache> cache = CacheDirectory.of(config.data().cache(), System.getenv())
                .map(directory ->
                        new TokenCache(directory, modelDirectory, config.model().chatTemplate()));
        RowKind kind = config.loss().isSft() ? RowKind.SFT : RowKind.PREFERENCE;
        return kind.open(source, tokenizer, options, cache);
    }

    private static TokenizationOptions options(DataOptions data) {
        return new TokenizationOptions(
                data.maxLength(),
                data.maxPromptLength(),
                data.maxCompletionLength(),
                TruncationMode.valueOf(data.truncationMode().toUpperCase(Locale.ROOT)));
    }
}

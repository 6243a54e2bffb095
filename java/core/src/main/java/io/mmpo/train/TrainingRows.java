package io.mmpo.train;

import io.mmpo.config.DataOptions;
import io.mmpo.config.DatasetOptions;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** The rows that a configuration names, tokenized as it says. */
public final class TrainingRows {
    private static final String TEXT = "text";

    private final TrainingConfig config;
    private final RunMemory memory;
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
        this(config, RunMemory.NONE, modelDirectory, tokenizer, messages);
    }

    /** memory: rows that take the place of the configuration's. */
    TrainingRows(
            TrainingConfig config,
            RunMemory memory,
            Path modelDirectory,
            Supplier<Tokenizer> tokenizer,
            Consumer<String> messages) {
        this.config = config;
        this.memory = memory;
        this.modelDirectory = modelDirectory;
        this.tokenizer = tokenizer;
        this.messages = messages;
    }

    public TokenizedDataset openTraining() {
        if (memory.training().isPresent()) {
            return open(memory.training().get());
        }
        List<DatasetOptions> datasets = config.data().training();
        if (datasets.size() == 1 && datasets.getFirst().weight() == 1) {
            return open(datasets.getFirst());
        }
        List<MixedData.Part> parts = new ArrayList<>();
        try {
            for (DatasetOptions dataset : datasets) {
                parts.add(new MixedData.Part(open(dataset), dataset.weight()));
            }
            return new MixedData(parts, config.run().dataSeed());
        } catch (RuntimeException | Error e) {
            parts.forEach(part -> part.data().close());
            throw e;
        }
    }

    /** Empty where nothing is evaluated, or where there is nothing to evaluate on, which is told. */
    public Optional<TokenizedDataset> openEvaluation() {
        if (!config.run().evaluates()) {
            return Optional.empty();
        }
        if (!config.data().mayEvaluate()) {
            if (!config.run().tasks().names().isEmpty()) {
                return Optional.empty();
            }
            String wanted = config.run().evalOnStart()
                    ? "eval_on_start is true"
                    : "eval_strategy is " + config.run().evalStrategy().name().toLowerCase(Locale.ROOT);
            messages.accept("nothing will be evaluated, although " + wanted
                    + ": there are no rows for it; set eval_dataset_name, or let dataset_name be a directory or a data set with a "
                    + config.data().testSplit() + " split");
            return Optional.empty();
        }
        return memory.evaluation()
                .map(this::open)
                .or(() -> config.data().evaluation().map(this::open));
    }

    /** Rows in memory are in no cache: what they are is known when they have been read. */
    private TokenizedDataset open(DatasetSource inMemory) {
        RowKind kind = kind();
        return kind.open(inMemory, tokenizer, options(config.data(), kind), Optional.empty());
    }

    private RowKind kind() {
        return config.loss().isSft() ? RowKind.SFT : RowKind.PREFERENCE;
    }

    private TokenizedDataset open(DatasetOptions dataset) {
        List<Path> files = DataFiles.find(dataset.path(), dataset.config(), dataset.split(), messages);
        String name = files.size() == 1 ? files.getFirst().toString() : dataset.path();
        RowKind kind = kind();
        DatasetSource source = new DatasetSource(name, files, columns(dataset, kind));
        TokenizationOptions options = options(config.data(), kind);
        Optional<TokenCache> cache = CacheDirectory.of(config.data().cache(), System.getenv())
                .map(directory ->
                        new TokenCache(directory, modelDirectory, config.model().chatTemplate()));
        return kind.open(source, tokenizer, options, cache);
    }

    /** dataset_text_field is one more column that has another name, unless the data set's own say where the text is. */
    private Map<String, String> columns(DatasetOptions dataset, RowKind kind) {
        String field = config.data().textField();
        if (kind != RowKind.SFT || field.equals(TEXT) || dataset.columns().containsKey(TEXT)) {
            return dataset.columns();
        }
        Map<String, String> columns = new LinkedHashMap<>(dataset.columns());
        columns.put(TEXT, field);
        return columns;
    }

    private static TokenizationOptions options(DataOptions data, RowKind kind) {
        return new TokenizationOptions(
                data.maxLength(),
                data.maxPromptLength(),
                data.maxCompletionLength(),
                TruncationMode.valueOf(data.truncationMode().toUpperCase(Locale.ROOT)),
                kind == RowKind.SFT && !data.completionOnlyLoss(),
                kind == RowKind.SFT && data.assistantOnlyLoss());
    }
}

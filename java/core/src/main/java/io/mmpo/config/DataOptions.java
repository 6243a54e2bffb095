package io.mmpo.config;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/**
 * Where the rows come from and how long they may be. dataset, evalDataset: see {@link DatasetOptions#path}; mixture: several of
 * them instead of dataset. Lengths are tokens; absent: no limit. truncationMode: keep_start or keep_end. cache: directory where
 * tokenized rows and reference log-probabilities are kept, "no" for nowhere. packing: rows of
 * fine-tuning put together to sequences of up to maxLength tokens.
 */
public record DataOptions(
        Optional<String> dataset,
        List<DatasetOptions> mixture,
        Optional<String> config,
        String trainSplit,
        String testSplit,
        Optional<String> evalDataset,
        OptionalInt maxLength,
        OptionalInt maxPromptLength,
        OptionalInt maxCompletionLength,
        String truncationMode,
        Optional<String> cache,
        boolean packing) {
    private static final Pattern ONE_FILE = Pattern.compile("[^*?\\[{]*\\.(jsonl|json|csv|parquet)(\\.gz)?");

    public DataOptions {
        mixture = List.copyOf(mixture);
        Problems problems = new Problems();
        problems.refuse(
                dataset.isEmpty() && mixture.isEmpty(),
                "dataset_name must be set; give it a file or a directory, or list several under datasets");
        problems.refuse(
                dataset.isPresent() && !mixture.isEmpty(),
                "datasets and dataset_name are both set; keep one, and write the other data set as an entry of datasets");
        requireNotEmpty(problems, "dataset_name", dataset);
        requireNotEmpty(problems, "eval_dataset_name", evalDataset);
        config.ifPresent(name -> problems.collect(() -> DatasetOptions.requireName("dataset_config", name)));
        problems.collect(() -> DatasetOptions.requireName("dataset_train_split", trainSplit));
        problems.collect(() -> DatasetOptions.requireName("dataset_test_split", testSplit));
        maxLength.ifPresent(value -> problems.require(
                value >= 2, "max_length", "must be at least 2, one token of prompt and one of completion", value));
        problems.requirePositive("max_prompt_length", maxPromptLength);
        problems.requirePositive("max_completion_length", maxCompletionLength);
        problems.refuse(
                packing && maxLength.isEmpty(),
                "packing needs max_length, the tokens of a packed sequence; set max_length, or write packing: false");
        problems.refuse(
                maxLength.isPresent()
                        && maxPromptLength.isPresent()
                        && maxPromptLength.getAsInt() >= maxLength.getAsInt(),
                "max_prompt_length (%s) must be below max_length (%s), else nothing is left of a completion; raise max_length or"
                        + " write max_length: null",
                maxPromptLength.orElse(0),
                maxLength.orElse(0));
        problems.throwIfAny();
    }

    /** What is trained on. */
    public List<DatasetOptions> training() {
        return dataset.map(path -> List.of(whole(path, trainSplit))).orElse(mixture);
    }

    /** What is evaluated on; empty where the training data is a mixture and nothing else is named. */
    public Optional<DatasetOptions> evaluation() {
        return evalDataset.or(() -> dataset).map(path -> whole(path, testSplit));
    }

    /** False where the rows that would be evaluated on are those of the one file that is trained on. */
    public boolean mayEvaluate() {
        return evalDataset.isPresent()
                || dataset.filter(path -> !ONE_FILE.matcher(path).matches() && !Files.isRegularFile(Path.of(path)))
                        .isPresent();
    }

    private DatasetOptions whole(String path, String split) {
        return new DatasetOptions(path, config, split, 1, Map.of());
    }

    private static void requireNotEmpty(Problems problems, String key, Optional<String> text) {
        text.ifPresent(value -> problems.require(
                !value.isBlank(), key, "must name a file, a directory or a data set", "an empty text"));
    }
}

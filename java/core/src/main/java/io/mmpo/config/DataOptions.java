package io.mmpo.config;

import io.mmpo.MmpoException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Where the rows come from and how long they may be. dataset and evalDataset: a file, or a directory that holds
 * {@code <split>.jsonl}. Lengths are tokens; absent: no limit. truncationMode: keep_start or keep_end.
 */
public record DataOptions(
        Path dataset,
        String trainSplit,
        String testSplit,
        Optional<Path> evalDataset,
        OptionalInt maxLength,
        OptionalInt maxPromptLength,
        OptionalInt maxCompletionLength,
        String truncationMode) {
    public DataOptions {
        Checks.requireNotEmpty("dataset_name", dataset);
        Checks.requireNotEmpty("eval_dataset_name", evalDataset);
        requireSplit("dataset_train_split", trainSplit);
        requireSplit("dataset_test_split", testSplit);
        maxLength.ifPresent(value -> Checks.require(
                value >= 2, "max_length", "must be at least 2, one token of prompt and one of completion", value));
        Checks.requirePositive("max_prompt_length", maxPromptLength);
        Checks.requirePositive("max_completion_length", maxCompletionLength);
        if (maxLength.isPresent()
                && maxPromptLength.isPresent()
                && maxPromptLength.getAsInt() >= maxLength.getAsInt()) {
            throw MmpoException.configuration(
                    "max_prompt_length (%d) must be below max_length (%d), else nothing is left of a completion; raise max_length or"
                            + " write max_length: null",
                    maxPromptLength.getAsInt(), maxLength.getAsInt());
        }
    }

    private static void requireSplit(String key, String split) {
        Checks.require(split.matches("[\\w.\\-]+"), key, "must be the name of a split", "'" + split + "'");
    }
}

package io.mmpo.eval.lm;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/**
 * What is measured.
 *
 * @param tasks by name, or as a path of a YAML
 * @param data the directory of their rows
 * @param limit questions of each task, from the first
 * @param numFewshot examples before a question, in place of the tasks' own numbers
 * @param batchSize questions a call of the core; no score depends on it
 */
public record LmSettings(
        List<String> tasks,
        Path data,
        Path output,
        OptionalInt limit,
        OptionalInt numFewshot,
        boolean applyChatTemplate,
        int batchSize) {
    /** The same with another directory of results. */
    LmSettings into(Path directory) {
        return new LmSettings(tasks, data, directory, limit, numFewshot, applyChatTemplate, batchSize);
    }
}

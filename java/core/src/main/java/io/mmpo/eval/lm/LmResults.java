package io.mmpo.eval.lm;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.JsonFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;

/**
 * All tasks' numbers.
 *
 * @param model its name
 */
public record LmResults(String model, List<TaskResult> tasks, LmSettings settings) {
    /** The group of all tasks in results.json. */
    private static final String MEAN = "mean_of_tasks";

    /** Of the tasks' accuracies, where there are several and all have one. */
    public Optional<TaskResult.Value> meanAccuracy() {
        List<TaskResult.Value> accuracies = tasks.stream()
                .flatMap(task -> Stream.ofNullable(task.values().get("acc,none")))
                .toList();
        if (tasks.size() < 2 || accuracies.size() < tasks.size()) {
            return Optional.empty();
        }
        double mean = accuracies.stream().mapToDouble(TaskResult.Value::mean).sum() / accuracies.size();
        double squares = accuracies.stream()
                .mapToDouble(accuracy -> accuracy.standardError().orElse(Double.NaN))
                .map(error -> error * error)
                .sum();
        return Optional.of(new TaskResult.Value(
                mean,
                Double.isNaN(squares)
                        ? OptionalDouble.empty()
                        : OptionalDouble.of(Math.sqrt(squares) / accuracies.size())));
    }

    /** In the shape of the harness's results. Nothing in it changes from run to run. */
    void write(Path file) {
        ObjectNode json = JsonFile.MAPPER.createObjectNode();
        ObjectNode results = json.putObject("results");
        ObjectNode configs = json.putObject("configs");
        ObjectNode versions = json.putObject("versions");
        ObjectNode shots = json.putObject("n-shot");
        ObjectNode better = json.putObject("higher_is_better");
        ObjectNode samples = json.putObject("n-samples");
        for (TaskResult task : tasks) {
            ObjectNode result = results.putObject(task.task());
            result.put("alias", task.task());
            result.put("sample_len", task.questions());
            task.values().forEach((name, value) -> put(result, name, value));
            ObjectNode config = configs.putObject(task.task());
            config.setAll((ObjectNode) JsonFile.MAPPER.valueToTree(task.spec().source()));
            config.put("num_fewshot", task.numFewshot());
            versions.put(task.task(), task.spec().version());
            shots.put(task.task(), task.numFewshot());
            ObjectNode metrics = better.putObject(task.task());
            task.spec().metrics().forEach(metric -> metrics.put(metric.name().key(), metric.higherIsBetter()));
            samples.putObject(task.task()).put("original", task.rows()).put("effective", task.questions());
        }
        meanAccuracy().ifPresent(mean -> {
            ObjectNode group = json.putObject("groups").putObject(MEAN);
            group.put("alias", MEAN);
            put(group, "acc,none", mean);
            json.putObject("group_subtasks")
                    .set(
                            MEAN,
                            JsonFile.MAPPER.valueToTree(
                                    tasks.stream().map(TaskResult::task).toList()));
        });
        ObjectNode config = json.putObject("config");
        config.put("model", "mmpo");
        config.put("model_args", "pretrained=" + model);
        settings.limit().ifPresentOrElse(limit -> config.put("limit", limit), () -> config.putNull("limit"));
        config.put("apply_chat_template", settings.applyChatTemplate());
        json.put("model_name", model);
        AtomicFile.write(file, json.toPrettyString() + "\n");
    }

    /** "acc,none" has its error as "acc_stderr,none". */
    private static void put(ObjectNode result, String name, TaskResult.Value value) {
        int comma = name.indexOf(',');
        String errorName = name.substring(0, comma) + "_stderr" + name.substring(comma);
        result.put(name, value.mean());
        value.standardError()
                .ifPresentOrElse(error -> result.put(errorName, error), () -> result.put(errorName, "N/A"));
    }
}

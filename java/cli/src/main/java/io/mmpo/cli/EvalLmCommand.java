package io.mmpo.cli;

import io.mmpo.eval.EvaluatedModel;
import io.mmpo.eval.lm.LmEvaluation;
import io.mmpo.eval.lm.LmResults;
import io.mmpo.eval.lm.LmSettings;
import io.mmpo.eval.lm.TaskResult;
import io.mmpo.infer.OpenModel;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "lm",
        description =
                "Asks a model the questions of tests of ability, with lm-evaluation-harness's prompts, metrics and files.",
        mixinStandardHelpOptions = true)
final class EvalLmCommand implements Callable<Integer> {
    @Mixin
    private ModelArguments model;

    @Option(
            names = "--tasks",
            required = true,
            split = "\\s*,\\s*",
            paramLabel = "TASK",
            description =
                    "Tasks by name, all for the ten of the MMPO paper, or paths of a task's YAML; several with commas between them.")
    private List<String> tasks;

    @Option(
            names = "--data",
            required = true,
            paramLabel = "DIR",
            description =
                    "Directory of the tasks' rows: TASK.jsonl, or .json, .csv, .parquet; TASK_fewshot.jsonl for examples.")
    private Path data;

    @Option(
            names = "--output",
            required = true,
            paramLabel = "DIR",
            description =
                    "Where results.json and samples_TASK.jsonl are written. An evaluation that was interrupted goes on there.")
    private Path output;

    @Option(names = "--limit", paramLabel = "N", description = "Ask only the first N questions of each task.")
    private @Nullable Integer limit;

    @Option(
            names = "--num-fewshot",
            paramLabel = "N",
            description = "Examples before each question, in place of the task's own number.")
    private @Nullable Integer numFewshot;

    @Option(
            names = "--apply-chat-template",
            description = "Ask in the model's chat template, examples as turns of the conversation.")
    private boolean applyChatTemplate;

    @Option(
            names = "--batch-size",
            defaultValue = "64",
            description = "Most questions that are computed at a time (${DEFAULT-VALUE}); no score depends on it.")
    private int batchSize;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        Arguments.requireAtLeast(spec, "--batch-size", batchSize, 1);
        Arguments.requireAtLeast(spec, "--limit", limit == null ? 1 : limit, 1);
        Arguments.requireAtLeast(spec, "--num-fewshot", numFewshot == null ? 0 : numFewshot, 0);
        LmEvaluation.Prepared prepared = LmEvaluation.prepare(new LmSettings(
                tasks, data, output, optional(limit), optional(numFewshot), applyChatTemplate, batchSize));
        PrintWriter err = spec.commandLine().getErr();
        try (StopSignal stop = StopSignal.install(err);
                OpenModel open = model.open()) {
            EvaluatedModel asked = EvaluatedModel.of(open, model.computation());
            Optional<LmResults> results = prepared.run(asked, new EvaluationProgress(err, stop));
            if (results.isEmpty()) {
                err.println("interrupted; the same command goes on from here");
                return ExitCode.INTERRUPTED;
            }
            print(results.get());
        }
        return ExitCode.DONE;
    }

    private static OptionalInt optional(@Nullable Integer value) {
        return value == null ? OptionalInt.empty() : OptionalInt.of(value);
    }

    private void print(LmResults results) {
        PrintWriter out = spec.commandLine().getOut();
        for (TaskResult task : results.tasks()) {
            for (Map.Entry<String, TaskResult.Value> entry : task.values().entrySet()) {
                print(out, task.task(), entry.getKey().replaceFirst(",none$", ""), entry.getValue(), task.questions());
            }
        }
        results.meanAccuracy()
                .ifPresent(mean -> print(
                        out,
                        "mean of " + results.tasks().size(),
                        "acc",
                        mean,
                        results.tasks().stream().mapToInt(TaskResult::questions).sum()));
    }

    private static void print(PrintWriter out, String task, String metric, TaskResult.Value value, int questions) {
        String error = value.standardError().isPresent()
                ? String.format(Locale.ROOT, " ± %.4f", value.standardError().getAsDouble())
                : "";
        out.printf(Locale.ROOT, "%-18s %-24s %.4f%s  (%,d questions)%n", task, metric, value.mean(), error, questions);
    }
}

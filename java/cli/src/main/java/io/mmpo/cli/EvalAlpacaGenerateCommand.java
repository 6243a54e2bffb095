package io.mmpo.cli;

import io.mmpo.eval.EvaluatedModel;
import io.mmpo.eval.alpaca.AlpacaAnswers;
import io.mmpo.infer.OpenModel;
import io.mmpo.spec.Sampling;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "generate",
        description = "Lets a model answer AlpacaEval's instructions, in its chat template.",
        mixinStandardHelpOptions = true)
final class EvalAlpacaGenerateCommand implements Callable<Integer> {
    @Mixin
    private ModelArguments model;

    @Option(
            names = "--data",
            required = true,
            paramLabel = "FILE",
            description = "Rows with an instruction: alpaca_eval.json, or JSON lines, CSV or Parquet.")
    private Path data;

    @Option(
            names = "--output",
            required = true,
            paramLabel = "FILE.json",
            description = "The answers as alpaca_eval reads them. A command that was interrupted goes on beside it.")
    private Path output;

    @Option(
            names = "--generator",
            paramLabel = "NAME",
            description = "The model's name in the file; its directory's by itself.")
    private @Nullable String generator;

    @Mixin
    private final AnswerArguments answers = new AnswerArguments(512, 0.01, 0.95, 16);

    @Option(names = "--limit", paramLabel = "N", description = "Answer only the first N instructions.")
    private @Nullable Integer limit;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        int batchSize = answers.batchSize();
        Arguments.requireAtLeast(spec, "--limit", limit == null ? 1 : limit, 1);
        Sampling sampling = answers.sampling();
        PrintWriter err = spec.commandLine().getErr();
        try (StopSignal stop = StopSignal.install(err);
                OpenModel open = model.open()) {
            EvaluatedModel asked = EvaluatedModel.of(open, model.computation());
            String name = generator == null
                    ? Path.of(asked.name())
                            .toAbsolutePath()
                            .normalize()
                            .getFileName()
                            .toString()
                    : generator;
            int count = limit == null ? Integer.MAX_VALUE : limit;
            boolean complete = new AlpacaAnswers(asked, name, sampling, batchSize)
                    .write(data, count, output, new EvaluationProgress(err, stop));
            if (!complete) {
                err.println("interrupted; the same command goes on from here");
                return ExitCode.INTERRUPTED;
            }
            err.println("answers written to " + output);
        }
        return ExitCode.DONE;
    }
}

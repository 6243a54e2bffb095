package io.mmpo.cli;

import io.mmpo.eval.alpaca.AlpacaScore;
import io.mmpo.eval.alpaca.Annotations;
import io.mmpo.eval.alpaca.GamedRows;
import io.mmpo.eval.alpaca.LengthControl;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "score",
        description =
                "The win-rate and the length-controlled win-rate of a judge's verdicts, with their standard errors.",
        mixinStandardHelpOptions = true)
final class EvalAlpacaScoreCommand implements Callable<Integer> {
    @Option(
            names = "--annotations",
            required = true,
            paramLabel = "FILE",
            description = "alpaca_eval's annotations.json, or rows of index, len_1, len_2 and preference.")
    private Path annotations;

    @Option(
            names = "--gamed",
            paramLabel = "FILE",
            description =
                    "alpaca_eval's df_gamed.csv: verdicts on the baseline made brief and verbose, and instructions' difficulty.")
    private @Nullable Path gamed;

    @Option(
            names = "--glm",
            paramLabel = "v1|noreg|minimal",
            description =
                    "Model of the verdicts: v1 as on the leaderboard (the default with --gamed), noreg without the gamed rows, minimal"
                            + " without difficulties too (the default without --gamed).")
    private LengthControl.@Nullable Model glm;

    @Option(
            names = "--output",
            required = true,
            paramLabel = "DIR",
            description = "Where leaderboard.csv and score.json are written.")
    private Path output;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        AlpacaScore score = AlpacaScore.of(
                Annotations.read(annotations),
                Optional.ofNullable(gamed).map(GamedRows::read),
                Optional.ofNullable(glm));
        score.write(output);
        spec.commandLine()
                .getOut()
                .printf(
                        Locale.ROOT,
                        "%s: win-rate %.2f%% (standard error %.2f), length-controlled %.2f%% (%.2f), %d verdicts%n",
                        score.model(),
                        score.headToHead().winRate(),
                        score.headToHead().standardError(),
                        score.lengthControl().winRate(),
                        score.lengthControl().standardError(),
                        score.headToHead().judged());
        return ExitCode.DONE;
    }
}

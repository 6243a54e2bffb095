package io.mmpo.cli;

import io.mmpo.eval.alpaca.AlpacaScore;
import io.mmpo.eval.alpaca.Annotations;
import io.mmpo.eval.alpaca.GamedRows;
import io.mmpo.eval.alpaca.LengthControl;
import io.mmpo.eval.alpaca.PanelScore;
import java.nio.file.Path;
import java.util.List;
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
            description =
                    "alpaca_eval's annotations.json, or rows of index, len_1, len_2 and preference. Once for each judge: their rates are"
                            + " averaged.")
    private List<Path> annotations;

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
        Optional<GamedRows> gamedRows = Optional.ofNullable(gamed).map(GamedRows::read);
        List<AlpacaScore> scores = annotations.stream()
                .map(file -> AlpacaScore.of(Annotations.read(file), gamedRows, Optional.ofNullable(glm)))
                .toList();
        if (scores.size() == 1) {
            scores.getFirst().write(output);
            tell(scores.getFirst().model(), scores.getFirst());
            return ExitCode.DONE;
        }
        PanelScore panel = new PanelScore(scores);
        panel.write(output);
        scores.forEach(score -> tell(score.model() + " by " + score.judge(), score));
        spec.commandLine()
                .getOut()
                .printf(
                        Locale.ROOT,
                        "%s by %d judges: win-rate %.2f%%, length-controlled %.2f%%%n",
                        panel.model(),
                        scores.size(),
                        panel.winRate(),
                        panel.lengthControlledWinRate());
        return ExitCode.DONE;
    }

    private void tell(String who, AlpacaScore score) {
        spec.commandLine()
                .getOut()
                .printf(
                        Locale.ROOT,
                        "%s: win-rate %.2f%% (standard error %.2f), length-controlled %.2f%% (%.2f), %d verdicts%n",
                        who,
                        score.headToHead().winRate(),
                        score.headToHead().standardError(),
                        score.lengthControl().winRate(),
                        score.lengthControl().standardError(),
                        score.headToHead().judged());
    }
}

package io.mmpo.cli;

import io.mmpo.PrintableText;
import io.mmpo.config.TuningConfig;
import io.mmpo.tune.StageResult;
import io.mmpo.tune.Tuning;
import io.mmpo.tune.TuningPage;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "tune",
        description =
                "Searches values of a configuration's keys, one key after another, by reward accuracy on the evaluation rows, and writes the"
                        + " best configuration, a table and a plot. The same command goes on with a search that was broken off.",
        mixinStandardHelpOptions = true)
final class TuneCommand implements Callable<Integer> {
    @Parameters(
            index = "0",
            paramLabel = "CONFIG.yaml",
            description = "A run's configuration with the values to try under the key tune: docs/tune.md.")
    private Path configFile;

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "key=value", description = "Keys that win over the file.")
    private List<String> overrides = List.of();

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        System.setProperty("java.awt.headless", "true"); // pictures are drawn in memory, whatever DISPLAY says
        PrintWriter err = spec.commandLine().getErr();
        PrintWriter out = spec.commandLine().getOut();
        TuningConfig config = TuningConfig.load(configFile, overrides);
        try (StopSignal stop = StopSignal.install(err);
                TrainingProgress progress = TrainingProgress.on(err, stop)) {
            List<StageResult> results = Tuning.run(config, progress);
            progress.close();
            if (results.size() < config.stages().size()) {
                out.println("Interrupted. The same command goes on with the search.");
                return ExitCode.INTERRUPTED;
            }
            results.forEach(result -> print(out, result));
            Path page = TuningPage.write(config, results, err::println);
            out.println("Table and plots: " + PrintableText.line(page.toString()));
            out.println("Train the best: mmpo train "
                    + PrintableText.shellWord(config.outputDir().resolve(Tuning.BEST)));
            return ExitCode.DONE;
        }
    }

    private static void print(PrintWriter out, StageResult result) {
        out.println(result.key());
        for (StageResult.Row row : result.rows()) {
            String accuracy =
                    row.failure().isPresent() ? "failed" : String.format(Locale.ROOT, "%6.2f %%", 100 * row.accuracy());
            String share = row.share() < 1 ? String.format(Locale.ROOT, ", ended at %.0f %%", 100 * row.share()) : "";
            out.printf(Locale.ROOT, "  %-10s %s%s%n", row.value(), accuracy, share);
        }
        result.sentences().forEach(sentence -> out.println("  " + sentence));
    }
}

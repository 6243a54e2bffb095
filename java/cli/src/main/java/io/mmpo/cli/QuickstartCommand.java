package io.mmpo.cli;

import io.mmpo.quickstart.Quickstart;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "quickstart",
        description = {
            "Makes a tiny model, its data and its tokenizer, trains it with SFT and then with MMPO and with DPO, and compares the"
                    + " answers: the whole road, in about two minutes on two cores."
        },
        mixinStandardHelpOptions = true)
final class QuickstartCommand implements Callable<Integer> {
    @Option(
            names = "--output",
            paramLabel = "DIR",
            defaultValue = "./mmpo-quickstart",
            description =
                    "Directory to work in, new or empty or an earlier quickstart's, whose files are replaced (${DEFAULT-VALUE}).")
    private Path output;

    @Option(
            names = "--seed",
            defaultValue = "42",
            description = "Decides data, weights, order and draws (${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--fast", description = "A much smaller model in a few seconds; its answers are not worth reading.")
    private boolean fast;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter err = spec.commandLine().getErr();
        try (StopSignal stop = StopSignal.install(err);
                TrainingProgress progress = TrainingProgress.on(err, stop)) {
            PrintWriter out = spec.commandLine().getOut();
            if (!Quickstart.run(new Quickstart.Options(output, seed, fast), out, progress)) {
                progress.close();
                out.println("Interrupted; what was done so far is in " + output + ". The same command begins anew.");
                return ExitCode.INTERRUPTED;
            }
            return ExitCode.DONE;
        }
    }
}

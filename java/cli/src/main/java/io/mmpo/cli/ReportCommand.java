package io.mmpo.cli;

import io.mmpo.PrintableText;
import io.mmpo.report.Report;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "report",
        description =
                "A page with the curves, values and settings of one run or of several side by side; every plot as SVG and"
                        + " PNG, every table as CSV.",
        mixinStandardHelpOptions = true)
final class ReportCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "RUN_DIR", description = "output_dir of a run, finished or not.")
    private List<Path> runs;

    @Option(
            names = "--output",
            required = true,
            paramLabel = "DIR",
            description = "A directory that does not exist yet, or holds an earlier report, which is replaced.")
    private Path output;

    @Option(
            names = "--mean-over-seeds",
            description =
                    "Runs whose settings are the same but for their seed are shown as one: their means, with standard errors of evaluations.")
    private boolean meansOverSeeds;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        System.setProperty("java.awt.headless", "true"); // pictures are drawn in memory, whatever DISPLAY says
        Report report = meansOverSeeds ? Report.ofSeedMeans(runs) : Report.of(runs);
        Path page = report.write(output, spec.commandLine().getErr()::println);
        spec.commandLine()
                .getOut()
                .println(report.numPlots() + " plots of " + report.numRuns()
                        + (report.numRuns() == 1 ? " run" : " runs") + " in "
                        + PrintableText.line(page.toString()));
        return ExitCode.DONE;
    }
}

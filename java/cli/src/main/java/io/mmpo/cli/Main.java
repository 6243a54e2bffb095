package io.mmpo.cli;

import io.mmpo.MmpoException;
import io.mmpo.files.UserHome;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command line: parses, runs a command, and turns what it throws into one paragraph and an exit code. */
@Command(
        name = "mmpo",
        description = "Offline preference optimization for large language models: MMPO, DPO, SimPO and SFT.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        subcommands = {
            TrainCommand.class,
            LaunchCommand.class,
            TuneCommand.class,
            QuickstartCommand.class,
            LogprobsCommand.class,
            GenerateCommand.class,
            EvalCommand.class,
            ReportCommand.class,
            MergeCommand.class,
            InspectDataCommand.class,
            PlanCommand.class,
            DoctorCommand.class,
            HelpCommand.class,
            CompletionCommand.class
        })
public final class Main implements Runnable {
    @Option(
            names = "--debug",
            scope = CommandLine.ScopeType.INHERIT,
            description = "Print the stack trace of an error.")
    private boolean debug;

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    public static void main(String[] args) {
        Locale.setDefault(Locale.ROOT); // figures are written in these digits, whatever the user's language has
        System.setProperty("org.bytedeco.javacpp.logger", "slf4j"); // where logback.xml decides what is said
        StandardOutput stdout = new StandardOutput(new FileOutputStream(FileDescriptor.out));
        PrintWriter out = new PrintWriter(stdout, true, StandardCharsets.UTF_8);
        PrintWriter err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
        int exitCode = run(out, err, args);
        out.flush();
        Optional<MmpoException> lost = stdout.failure();
        System.exit(
                exitCode == ExitCode.DONE && lost.isPresent() ? ErrorReport.report(lost.get(), err, false) : exitCode);
    }

    /** The whole program but for ending the process. */
    static int run(PrintWriter out, PrintWriter stderr, String... args) {
        PrintWriter err = new PrintWriter(new PrintableWriter(stderr), true);
        Main main = new Main();
        CommandLine commandLine = commandLine(main);
        commandLine.setOut(out).setErr(err);
        commandLine.setParameterExceptionHandler(ErrorReport::usage);
        commandLine.setExecutionExceptionHandler((e, command, result) -> ErrorReport.report(e, err, main.debug));
        commandLine.setExecutionStrategy(parsed -> {
            Arguments.requireOutputOfItsOwn(parsed);
            return new CommandLine.RunLast().execute(parsed);
        });
        try {
            return commandLine.execute(args);
        } catch (Error e) { // picocli hands on exceptions only
            return ErrorReport.report(e, err, main.debug);
        }
    }

    /** The commands as they are declared, which help, completion and the pages are made from. */
    static CommandLine commandLine() {
        return commandLine(new Main());
    }

    private static CommandLine commandLine(Main main) {
        CommandLine commandLine = new CommandLine(main).setCaseInsensitiveEnumValuesAllowed(true);
        return commandLine.registerConverter(Path.class, Main::path);
    }

    /** picocli's own conversion would hide why a name cannot be one. */
    private static Path path(String text) {
        if (text.isEmpty()) {
            throw new CommandLine.TypeConversionException("a path is wanted, and the text is empty");
        }
        return Path.of(UserHome.expand(text));
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "A command is wanted");
    }
}

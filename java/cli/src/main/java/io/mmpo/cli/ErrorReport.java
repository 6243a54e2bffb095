package io.mmpo.cli;

import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import io.mmpo.files.IoProblem;
import io.mmpo.nativelib.NativeException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.InvalidPathException;
import java.util.Objects;
import picocli.CommandLine;

/** What is printed of a failure: one paragraph, and the stack trace where it was asked for. */
final class ErrorReport {
    /** An argument is repeated by its beginning. */
    private static final String LONG_WORD = "(\\S{200})\\S{56,}";

    private ErrorReport() {}

    static int report(Throwable e, PrintWriter err, boolean debug) {
        int exitCode = exitCode(e);
        err.println("mmpo: " + PrintableText.paragraph(message(e, exitCode, debug)));
        if (debug) {
            StringWriter trace = new StringWriter();
            e.printStackTrace(new PrintWriter(trace));
            err.print(PrintableText.lines(trace.toString()));
            err.flush();
        }
        return exitCode;
    }

    private static String message(Throwable e, int exitCode, boolean debug) {
        if (exitCode == ExitCode.BUG) {
            return "This is a bug in mmpo: " + e
                    + (debug ? "." : ". Please report it with what the same command prints with --debug.");
        }
        return switch (e) {
            case OutOfMemoryError heap ->
                "Java's heap of " + (Runtime.getRuntime().maxMemory() >> 20)
                        + " MiB was not enough; give it more, for example MMPO_JAVA_OPTS=-Xmx8g.";
            case InvalidPathException path -> describe(path);
            case UncheckedIOException io ->
                "A file cannot be used: " + IoProblem.of(Objects.requireNonNull(io.getCause())) + ".";
            default -> String.valueOf(e.getMessage());
        };
    }

    private static int exitCode(Throwable e) {
        return switch (e) {
            case MmpoException known -> ExitCode.of(known.kind());
            case NativeException core ->
                switch (core.status()) {
                    case INVALID_ARGUMENT, INVALID_MODEL -> ExitCode.DATA;
                    case OUT_OF_MEMORY, UNSUPPORTED -> ExitCode.ENVIRONMENT;
                    case NON_FINITE -> ExitCode.TRAINING;
                    case COLLECTIVE -> ExitCode.TRAINING;
                    case INTERNAL -> ExitCode.BUG;
                };
            case OutOfMemoryError heap -> ExitCode.ENVIRONMENT;
            case InvalidPathException path -> isOfTheLocale(path) ? ExitCode.ENVIRONMENT : ExitCode.CONFIGURATION;
            case UncheckedIOException io -> ExitCode.ENVIRONMENT;
            default -> ExitCode.BUG;
        };
    }

    private static String describe(InvalidPathException e) {
        String problem = "'" + e.getInput() + "' cannot be the name of a file: " + e.getReason() + ". ";
        return problem
                + (isOfTheLocale(e)
                        ? "This process writes names of files in " + System.getProperty("sun.jnu.encoding")
                                + ", which its locale says; run it with a UTF-8 locale, for example LC_ALL=C.UTF-8."
                        : "Correct the name.");
    }

    /** Where the locale's encoding is no UTF-8, it has no bytes for many a letter. */
    private static boolean isOfTheLocale(InvalidPathException e) {
        return e.getInput().chars().anyMatch(c -> c > 127)
                && !"UTF-8".equalsIgnoreCase(System.getProperty("sun.jnu.encoding"));
    }

    static int usage(CommandLine.ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        if (e.getCause() instanceof InvalidPathException path) {
            return report(path, command.getErr(), false);
        }
        String message = String.valueOf(e.getMessage()).replaceAll(LONG_WORD, "$1…");
        command.getErr()
                .println("mmpo: " + PrintableText.paragraph(message + ". " + keysAreNoOptions(e) + usageOf(command)));
        return ExitCode.CONFIGURATION;
    }

    /** TRL's command line takes a configuration's keys as options, and its file as one too. */
    private static String keysAreNoOptions(CommandLine.ParameterException e) {
        boolean takesKeys = e.getCommandLine().getCommandSpec().positionalParameters().stream()
                .anyMatch(parameter -> parameter.paramLabel().equals("key=value"));
        return takesKeys && e instanceof CommandLine.UnmatchedArgumentException unmatched && unmatched.isUnknownOption()
                ? "A configuration is named without --config, and its keys are given without dashes: CONFIG.yaml learning_rate=1e-6. "
                : "";
    }

    private static String usageOf(CommandLine command) {
        return "Try: " + command.getCommandSpec().qualifiedName() + " --help";
    }
}

package io.mmpo.cli;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.NativeException;
import java.io.PrintWriter;
import picocli.CommandLine;

/** What is printed of a failure: one paragraph, and the stack trace where it was asked for. */
final class ErrorReport {
    /** An argument is repeated by its beginning. */
    private static final String LONG_WORD = "(\\S{200})\\S{56,}";

    private ErrorReport() {}

    static int report(Throwable e, PrintWriter err, boolean debug) {
        int exitCode = exitCode(e);
        if (exitCode == ExitCode.BUG) {
            err.println("mmpo: This is a bug in mmpo: " + oneParagraph(e.toString())
                    + (debug ? "." : ". Please report it with what the same command prints with --debug."));
        } else if (e instanceof OutOfMemoryError) {
            err.println("mmpo: Java's heap of " + (Runtime.getRuntime().maxMemory() >> 20)
                    + " MiB was not enough; give it more, for example MMPO_JAVA_OPTS=-Xmx8g.");
        } else {
            err.println("mmpo: " + oneParagraph(String.valueOf(e.getMessage())));
        }
        if (debug) {
            e.printStackTrace(err);
        }
        return exitCode;
    }

    private static int exitCode(Throwable e) {
        return switch (e) {
            case MmpoException known -> ExitCode.of(known.kind());
            case NativeException core ->
                switch (core.status()) {
                    case INVALID_ARGUMENT, INVALID_MODEL -> ExitCode.DATA;
                    case OUT_OF_MEMORY -> ExitCode.ENVIRONMENT;
                    case NON_FINITE -> ExitCode.TRAINING;
                    case INTERNAL -> ExitCode.BUG;
                };
            case OutOfMemoryError heap -> ExitCode.ENVIRONMENT;
            default -> ExitCode.BUG;
        };
    }

    static int usage(CommandLine.ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        String message = String.valueOf(e.getMessage()).replaceAll(LONG_WORD, "$1…");
        command.getErr().println("mmpo: " + oneParagraph(message) + ". " + usageOf(command));
        return ExitCode.CONFIGURATION;
    }

    private static String usageOf(CommandLine command) {
        return "Try: " + command.getCommandSpec().qualifiedName() + " --help";
    }

    private static String oneParagraph(String message) {
        return message.strip().replaceAll("\\s*\\R\\s*", " ");
    }
}

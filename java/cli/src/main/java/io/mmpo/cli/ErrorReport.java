package io.mmpo.cli;

import io.mmpo.MmpoException;
import java.io.PrintWriter;
import picocli.CommandLine;

/** What is printed of a failure: one paragraph, and the stack trace where it was asked for. */
final class ErrorReport {
    private ErrorReport() {}

    static int report(Exception e, PrintWriter err, boolean debug) {
        int exitCode;
        if (e instanceof MmpoException known) {
            err.println("mmpo: " + oneParagraph(known.getMessage()));
            exitCode = ExitCode.of(known.kind());
        } else {
            err.println("mmpo: This is a bug in mmpo: " + oneParagraph(e.toString())
                    + (debug ? "." : ". Please report it with what the same command prints with --debug."));
            exitCode = ExitCode.BUG;
        }
        if (debug) {
            e.printStackTrace(err);
        }
        return exitCode;
    }

    static int usage(CommandLine.ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        command.getErr().println("mmpo: " + oneParagraph(String.valueOf(e.getMessage())) + ". " + usageOf(command));
        return ExitCode.CONFIGURATION;
    }

    private static String usageOf(CommandLine command) {
        return "Try: " + command.getCommandSpec().qualifiedName() + " --help";
    }

    private static String oneParagraph(String message) {
        return message.strip().replaceAll("\\s*\\R\\s*", " ");
    }
}

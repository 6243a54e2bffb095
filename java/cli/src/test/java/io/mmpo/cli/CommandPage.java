package io.mmpo.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** docs/cli.md as the declarations of the commands give it: what stands between the marks is made from them. */
final class CommandPage {
    static final Path PATH = Markdown.ROOT.resolve("docs/cli.md");

    private static final Pattern PART =
            Pattern.compile("(<!-- begin commands -->\n).*(<!-- end commands -->)", Pattern.DOTALL);

    private CommandPage() {}

    static String expected() throws IOException {
        StringBuilder commands = new StringBuilder();
        for (CommandLine command : ManPages.all(Main.commandLine())) {
            boolean isTop = command.getCommandSpec().parent() == null;
            if (!isTop && command.getSubcommands().isEmpty()) {
                append(commands, command);
            }
        }
        Matcher part = PART.matcher(Files.readString(PATH));
        if (!part.find()) {
            throw new IllegalStateException(PATH + " has no part for the commands");
        }
        return part.replaceAll(Matcher.quoteReplacement(part.group(1) + commands + part.group(2)));
    }

    private static void append(StringBuilder page, CommandLine command) {
        CommandSpec spec = command.getCommandSpec();
        page.append("## `").append(spec.qualifiedName()).append("`\n");
        page.append(ManPages.description(spec.usageMessage().description())).append("\n\n");
        page.append("    ").append(shortestCall(spec)).append("\n\n");
        StringBuilder rows = new StringBuilder();
        for (PositionalParamSpec parameter : spec.positionalParameters()) {
            row(rows, parameter.paramLabel(), parameter.description());
        }
        for (OptionSpec option : spec.options()) {
            if (!option.inherited() && !option.usageHelp() && !option.versionHelp()) {
                row(rows, ManPages.names(option), option.description());
            }
        }
        if (!rows.isEmpty()) {
            page.append("| | |\n|---|---|\n").append(rows).append('\n');
        }
    }

    /** With what a call must have; the table has the rest. */
    private static String shortestCall(CommandSpec spec) {
        StringBuilder call = new StringBuilder(spec.qualifiedName());
        for (OptionSpec option : spec.options()) {
            if (option.required()) {
                call.append(' ').append(ManPages.names(option));
            }
        }
        for (PositionalParamSpec parameter : spec.positionalParameters()) {
            boolean several = parameter.arity().max() > 1;
            call.append(' ').append(parameter.paramLabel()).append(several ? " ..." : "");
        }
        return call.toString();
    }

    private static void row(StringBuilder rows, String name, String[] description) {
        rows.append("| `%s` | %s |\n".formatted(name.replace("|", "\\|"), ManPages.description(description)));
    }
}

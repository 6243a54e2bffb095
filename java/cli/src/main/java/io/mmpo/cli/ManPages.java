package io.mmpo.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/**
 * Manual pages in man(7)'s language, one a command, and the completion script, written by the build of the distribution:
 * {@code share/man/man1/mmpo*.1} and {@code share/bash-completion/completions/mmpo} below a directory.
 */
final class ManPages {
    private ManPages() {}

    public static void main(String[] arguments) throws IOException {
        write(Path.of(arguments[0]));
    }

    static void write(Path share) throws IOException {
        Path manual = Files.createDirectories(share.resolve("man/man1"));
        CommandLine top = Main.commandLine();
        for (CommandLine command : all(top)) {
            Files.writeString(manual.resolve(name(command) + ".1"), page(command));
        }
        Path completions = Files.createDirectories(share.resolve("bash-completion/completions"));
        Files.writeString(completions.resolve("mmpo"), AutoComplete.bash("mmpo", top));
    }

    /** A command and all below it, each before its own. */
    static List<CommandLine> all(CommandLine command) {
        List<CommandLine> all = new ArrayList<>(List.of(command));
        command.getSubcommands().values().forEach(sub -> all.addAll(all(sub)));
        return all;
    }

    /** The page's name: mmpo-eval-lm. */
    private static String name(CommandLine command) {
        return command.getCommandSpec().qualifiedName("-");
    }

    static String page(CommandLine command) {
        CommandSpec spec = command.getCommandSpec();
        StringBuilder page = new StringBuilder(
                ".TH \"%s\" 1 \"\" \"mmpo %s\"\n".formatted(name(command).toUpperCase(Locale.ROOT), Version.number()));
        section(
                page,
                "NAME",
                text(name(command)) + " \\- "
                        + text(description(spec.usageMessage().description())));
        section(page, "SYNOPSIS", text(synopsis(command)));
        page.append(".SH OPTIONS\n");
        for (PositionalParamSpec parameter : spec.positionalParameters()) {
            item(page, parameter.paramLabel(), parameter.description());
        }
        for (OptionSpec option : spec.options()) {
            item(page, names(option), option.description());
        }
        if (!command.getSubcommands().isEmpty()) {
            page.append(".SH COMMANDS\n");
            command.getSubcommands()
                    .forEach((name, sub) ->
                            item(page, name, sub.getCommandSpec().usageMessage().description()));
            section(
                    page,
                    "SEE ALSO",
                    command.getSubcommands().values().stream()
                            .map(sub -> ".BR " + text(name(sub)) + " (1)")
                            .collect(Collectors.joining("\n")));
        }
        return page.toString();
    }

    /** How a command is called, on one line. */
    static String synopsis(CommandLine command) {
        return new CommandLine.Help(command.getCommandSpec(), CommandLine.Help.defaultColorScheme(Ansi.OFF))
                .synopsis(0)
                .strip()
                .replaceAll("\\s+", " ");
    }

    /** All names of an option, and what follows it. */
    static String names(OptionSpec option) {
        String names = String.join(", ", option.names());
        return option.arity().max() == 0 ? names : names + " " + option.paramLabel();
    }

    static String description(String[] lines) {
        return String.join(" ", lines);
    }

    private static void section(StringBuilder page, String title, String body) {
        page.append(".SH ").append(title).append('\n').append(body).append('\n');
    }

    private static void item(StringBuilder page, String name, String[] description) {
        page.append(".TP\n\\fB")
                .append(text(name))
                .append("\\fR\n")
                .append(text(description(description)))
                .append('\n');
    }

    /** In man(7) a backslash begins an escape, a hyphen is a hyphen only where it is escaped, and a dot or quote at the beginning a request. */
    private static String text(String words) {
        String escaped = words.replace("\\", "\\e").replace("-", "\\-");
        return escaped.startsWith(".") || escaped.startsWith("'") ? "\\&" + escaped : escaped;
    }
}

package io.mmpo.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "help",
        description = "Shows the options of a command, or a page of the documentation.",
        mixinStandardHelpOptions = true)
final class HelpCommand implements Callable<Integer> {
    @Parameters(
            arity = "0..*",
            paramLabel = "TOPIC",
            description =
                    "A command (train, eval lm) or a page (configuration, troubleshooting); without one, all of both.")
    private List<String> words = List.of();

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        CommandLine top = spec.root().commandLine();
        if (words.isEmpty()) {
            top.usage(out, Ansi.OFF);
            out.println("Pages, for mmpo help TOPIC:");
            for (Map.Entry<String, String> topic : Pages.topics().entrySet()) {
                out.printf("  %-22s %s%n", topic.getKey(), topic.getValue());
            }
            return ExitCode.DONE;
        }
        String topic = String.join(" ", words);
        CommandLine command = find(top);
        Optional<String> page = Pages.text(topic);
        Arguments.require(
                spec,
                command != null || page.isPresent(),
                "There is no command and no page '" + topic + "'. The pages are "
                        + String.join(", ", Pages.topics().keySet()) + "; mmpo --help lists the commands");
        if (command != null) {
            command.usage(out, Ansi.OFF);
        }
        page.ifPresent(text -> out.println((command == null ? "" : "\n") + text.strip()));
        return ExitCode.DONE;
    }

    private @Nullable CommandLine find(CommandLine top) {
        CommandLine command = top;
        for (String word : words) {
            command = command.getSubcommands().get(word);
            if (command == null) {
                return null;
            }
        }
        return command;
    }
}

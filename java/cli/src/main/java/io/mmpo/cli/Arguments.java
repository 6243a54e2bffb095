package io.mmpo.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Checks of option values that picocli's types leave open. */
final class Arguments {
    private Arguments() {}

    static void requireAtLeast(CommandSpec spec, String option, long value, long smallest) {
        require(spec, value >= smallest, option + " must be at least " + smallest + ", got " + value);
    }

    /** What a command writes takes the place of a file that was there, which must not be one that it reads. */
    static void requireOutputOfItsOwn(ParseResult parsed) {
        ParseResult command = parsed;
        while (command.hasSubcommand()) {
            command = command.subcommand();
        }
        if (!(command.matchedOptionValue("--output", null) instanceof Path output)) {
            return;
        }
        for (OptionSpec option : command.matchedOptions()) {
            for (Path input : paths(option)) {
                require(
                        command.commandSpec(),
                        option.longestName().equals("--output") || !isSameFile(input, output),
                        "--output " + output + " is the file of " + option.longestName()
                                + ", which would be lost; give another");
            }
        }
    }

    private static List<Path> paths(OptionSpec option) {
        return switch (option.getValue()) {
            case Path path -> List.of(path);
            case List<?> list ->
                list.stream()
                        .filter(Path.class::isInstance)
                        .map(Path.class::cast)
                        .toList();
            case null, default -> List.of();
        };
    }

    /** Devices and pipes, which nothing is lost of, aside. */
    private static boolean isSameFile(Path input, Path output) {
        try {
            return Files.isRegularFile(input) && Files.exists(output) && Files.isSameFile(input, output);
        } catch (IOException e) {
            return false; // it will be said where the one or the other is opened
        }
    }

    static void require(CommandSpec spec, boolean condition, String message) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), message);
        }
    }
}

package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.config.ConfigLoader;
import io.mmpo.config.TuningConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

/** What a page shows is of today: commands parse, options exist, configurations load, rows are JSON. */
class PageCommandsTest {
    @TempDir
    Path directory;

    static Stream<ShellCommand> commands() {
        return Markdown.all().stream().flatMap(page -> ShellCommand.of(page).stream());
    }

    static List<Markdown> pages() {
        return Markdown.all();
    }

    @ParameterizedTest
    @MethodSource("commands")
    void everyCommandParses(ShellCommand command) {
        assertThatCode(() -> Main.commandLine().parseArgs(command.words().toArray(String[]::new)))
                .doesNotThrowAnyException();
        command.words().stream()
                .filter(word -> word.startsWith("examples/"))
                .forEach(word -> assertThat(Markdown.ROOT.resolve(word)).exists());
    }

    @Test
    void thereAreCommandsToParse() {
        assertThat(commands().map(command -> command.words().getFirst()))
                .hasSizeGreaterThan(20)
                .contains("train", "quickstart", "eval", "report", "plan");
    }

    /** In prose a command may be cut short, but its name and its options are real. */
    @ParameterizedTest
    @MethodSource("pages")
    void everyCommandInProseExists(Markdown page) {
        List<String> wrong = new ArrayList<>();
        for (Markdown.Found span : page.spans()) {
            if (span.text().matches("(\\./)?mmpo [a-z-].*")) {
                String problem = problem(ShellCommand.words(span.text().replaceFirst("(\\./)?mmpo ", "")));
                if (!problem.isEmpty()) {
                    wrong.add(page.place(span.line()) + ": " + problem + " in " + span.text());
                }
            }
        }
        assertThat(wrong).isEmpty();
    }

    private static String problem(List<String> words) {
        CommandLine command = Main.commandLine();
        for (String word : words) {
            String option = word.replaceFirst("=.*", "");
            if (option.startsWith("-")) {
                if (command.getCommandSpec().findOption(option) == null) {
                    return option + " is no option of "
                            + command.getCommandSpec().qualifiedName();
                }
            } else if (command.getSubcommands().containsKey(word)) {
                command = command.getSubcommands().get(word);
            } else if (command.getCommandSpec().parent() == null) {
                return word + " is no command";
            }
        }
        return "";
    }

    @ParameterizedTest
    @MethodSource("pages")
    void everyConfigurationLoads(Markdown page) throws IOException {
        for (Markdown.Block block : page.blocks()) {
            if (block.language().equals("yaml")) {
                Path file = Files.writeString(directory.resolve("config.yaml"), block.text());
                boolean isSearch = block.lines().stream().anyMatch(line -> line.startsWith("tune:"));
                assertThatCode(() -> {
                            if (isSearch) {
                                TuningConfig.load(file, missing(block));
                            } else {
                                ConfigLoader.load(file, missing(block));
                            }
                        })
                        .as(page.place(block.line()))
                        .doesNotThrowAnyException();
            }
        }
    }

    /** What every run needs, where a page shows a part of a configuration. */
    private static List<String> missing(Markdown.Block block) {
        return Map.of("model_name_or_path", "model_name_or_path=m", "dataset", "dataset_name=pairs.jsonl")
                .entrySet()
                .stream()
                .filter(needed -> block.lines().stream().noneMatch(line -> line.startsWith(needed.getKey())))
                .map(Map.Entry::getValue)
                .toList();
    }

    @ParameterizedTest
    @MethodSource("pages")
    void everyRowIsJson(Markdown page) {
        for (Markdown.Block block : page.blocks()) {
            if (block.language().equals("json")) {
                assertThatCode(() -> new ObjectMapper().readTree(block.text()))
                        .as(page.place(block.line()))
                        .doesNotThrowAnyException();
            }
        }
    }

    @Test
    void aCommandIsCutAsAShellCutsIt() {
        assertThat(ShellCommand.words("generate --prompt \"Two words.\" --model 'a b'/c   # a remark"))
                .containsExactly("generate", "--prompt", "Two words.", "--model", "a b/c");
        assertThat(problem(List.of("generate", "--colour"))).isEqualTo("--colour is no option of mmpo generate");
        assertThat(problem(List.of("generat"))).isEqualTo("generat is no command");
    }
}

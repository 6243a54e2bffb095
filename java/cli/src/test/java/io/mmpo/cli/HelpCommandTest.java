package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;

class HelpCommandTest {
    @TempDir
    Path directory;

    static Stream<String> topics() {
        return Pages.topics().keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("topics")
    void showsAPageWithoutItsMarks(String topic) throws IOException {
        String heading = Files.readAllLines(Markdown.ROOT.resolve("docs/" + topic + ".md"))
                .getFirst();
        assertThat(Cli.run("help", topic).succeeds().out()).contains(heading).doesNotContain("<!--", "](");
    }

    @Test
    void aCommandsHelpComesBeforeThePageOfItsName() {
        String help = Cli.run("help", "report").succeeds().out();
        assertThat(help).startsWith("Usage: mmpo report").contains("# Reports: `mmpo report`");
        assertThat(Cli.run("help", "eval", "lm").succeeds().out()).startsWith("Usage: mmpo eval lm");
    }

    @Test
    void listsCommandsAndPages() {
        assertThat(Cli.run("help").succeeds().out())
                .contains("Usage: mmpo", "train", "Pages, for mmpo help TOPIC:", "troubleshooting");
    }

    @Test
    void whatThereIsNotIsToldWithWhatThereIs() {
        Cli.run("help", "me").failsWith(ExitCode.CONFIGURATION, "no page 'me'", "configuration, data, models");
    }

    @Test
    void theCompletionScriptIsOneThatBashReads() throws Exception {
        String script = Cli.run("completion").succeeds().out();
        assertThat(script).contains("complete -F _complete_mmpo", "--gpu-memory", "inspect-data");
        Path file = Files.writeString(directory.resolve("mmpo"), script);
        Process bash = new ProcessBuilder("bash", "-n", file.toString())
                .redirectErrorStream(true)
                .start();
        assertThat(new String(bash.getInputStream().readAllBytes())).isEmpty();
        assertThat(bash.waitFor(20, TimeUnit.SECONDS)).isTrue();
    }

    @Test
    void everyCommandHasAManualPage() throws IOException {
        ManPages.write(directory);
        List<CommandLine> commands = ManPages.all(Main.commandLine());
        assertThat(directory.resolve("man/man1").toFile().list()).hasSize(commands.size());
        String page = Files.readString(directory.resolve("man/man1/mmpo-eval-lm.1"));
        assertThat(page)
                .startsWith(".TH \"MMPO-EVAL-LM\" 1 ")
                .contains(".SH NAME\nmmpo\\-eval\\-lm \\- Asks a model")
                .contains(".TP\n\\fB\\-\\-tasks TASK\\fR\n");
        assertThat(page.lines()).noneMatch(line -> line.startsWith(".") && !line.matches("\\.(TH|SH|TP|BR)\\b.*"));
        assertThat(directory.resolve("bash-completion/completions/mmpo")).isRegularFile();
    }
}

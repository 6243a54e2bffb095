package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every message of docs/troubleshooting.md is the one that its command prints, with the exit code of its section. A comment before a
 * command says what happened before; … stands for any words.
 */
class TroubleshootingPageTest {
    private static final Markdown PAGE = Markdown.read(Markdown.ROOT.resolve("docs/troubleshooting.md"));
    private static final Pattern EXIT_CODE = Pattern.compile("## .*\\(exit code (\\d)\\)");
    private static final Pattern BEFORE = Pattern.compile("<!-- after: (.*) -->");
    private static final Pattern PATH_KEY = Pattern.compile("((?:dataset_name|model_name_or_path|output_dir)=)?(.*)");
    private static final Set<String> PATH_OPTIONS = Set.of("--model", "--adapter", "--data", "--output");

    @TempDir
    static Path directory;

    private record Case(String before, String command, String message, int exitCode, int line) {
        @Override
        public String toString() {
            return PAGE.place(line) + " " + command;
        }
    }

    static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (Markdown.Block block : PAGE.blocks()) {
            if (block.language().equals("console")) {
                Matcher before = BEFORE.matcher(PAGE.lines().get(block.line() - 3));
                String exitCode = PAGE.lines().subList(0, block.line()).stream()
                        .map(EXIT_CODE::matcher)
                        .filter(Matcher::matches)
                        .map(heading -> heading.group(1))
                        .reduce((first, second) -> second)
                        .orElseThrow();
                assertThat(block.lines()).as(PAGE.place(block.line())).hasSize(2);
                cases.add(new Case(
                        before.matches() ? before.group(1) : "",
                        block.lines().get(0),
                        block.lines().get(1),
                        Integer.parseInt(exitCode),
                        block.line()));
            }
        }
        return cases;
    }

    @BeforeAll
    static void makeTheReadersDirectory() throws IOException {
        Path model = QuickstartFiles.copyOfModel(directory.resolve("model"));
        Path pairs = Files.write(directory.resolve("pairs.jsonl"), QuickstartFiles.pairs());
        String yaml = PAGE.blocks().stream()
                .filter(block -> block.text().startsWith("# config.yaml"))
                .findFirst()
                .orElseThrow()
                .text()
                .replace("path: model\n", "path: " + model + "\n")
                .replace("pairs.jsonl", pairs.toString())
                .replace("output_dir: run", "output_dir: " + directory.resolve("run"));
        Files.writeString(directory.resolve("config.yaml"), yaml + "cache_dir: no\n");
    }

    @Test
    void thereAreMessagesOfEveryKind() {
        assertThat(cases()).hasSizeGreaterThan(18);
        assertThat(cases()).extracting(Case::exitCode).contains(2, 3, 4, 5);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void theCommandPrintsTheMessage(Case shown) throws Exception {
        if (shown.before().equals("a machine without a JDK")) {
            assertThat("mmpo: " + messageWithoutJdk()).isEqualTo(shown.message());
            return;
        }
        if (Files.exists(directory.resolve("run"))) {
            QuickstartFiles.delete(directory.resolve("run"));
        }
        prepare(shown.before());
        Cli cli = Cli.run(words(shown.command()).toArray());
        String last = cli.err().lines().reduce((first, second) -> second).orElse("");
        String found = last.replace(directory + "/", "");
        assertThat(found)
                .matches(Stream.of(shown.message().split("…", -1))
                        .map(Pattern::quote)
                        .collect(Collectors.joining(".*")));
        assertThat(cli.exitCode()).as(last).isEqualTo(shown.exitCode());
    }

    /** With the names of files as they are from here. */
    private static List<Object> words(String command) {
        List<String> words = ShellCommand.words(command.replaceFirst("^\\$ mmpo ", ""));
        List<Object> here = new ArrayList<>(words.subList(0, 1));
        for (int i = 1; i < words.size(); i++) {
            Matcher word = PATH_KEY.matcher(words.get(i));
            boolean isPath = word.matches()
                    && (word.group(1) != null
                            || PATH_OPTIONS.contains(words.get(i - 1))
                            || word.group(2).endsWith(".yaml"));
            here.add(
                    isPath
                            ? (word.group(1) == null ? "" : word.group(1)) + directory.resolve(word.group(2))
                            : words.get(i));
        }
        return here;
    }

    private static void prepare(String before) throws IOException {
        Path config = directory.resolve("config.yaml");
        switch (before) {
            case "", "a build without CUDA" -> {}
            case "a run" -> Cli.run("train", config).succeeds();
            case "a run with checkpoints" ->
                Cli.run("train", config, "save_steps=1").succeeds();
            case "rows of Alpaca's keys" ->
                Files.writeString(directory.resolve("alpaca.jsonl"), "{\"instruction\": \"a\", \"output\": \"b\"}\n");
            case "a row that is cut" -> {
                List<String> rows = new ArrayList<>(QuickstartFiles.pairs().subList(0, 2));
                rows.add("{\"prompt\": \"a\", \"chosen\": \"b\"");
                Files.write(directory.resolve("broken.jsonl"), rows);
            }
            case "a model without a chat template" -> {
                Path model = QuickstartFiles.copyOfModel(directory.resolve("nochat"));
                Files.deleteIfExists(model.resolve("chat_template.jinja"));
                change(model.resolve("tokenizer_config.json"), "\"chat_template\"", "\"no_template\"");
            }
            case "a model without a tokenizer" ->
                Files.delete(
                        QuickstartFiles.copyOfModel(directory.resolve("notok")).resolve("tokenizer.json"));
            case "a model of another architecture" -> {
                Path model =
                        QuickstartFiles.copyOfModel(directory.resolve("mamba")).resolve("config.json");
                change(model, "LlamaForCausalLM", "MambaForCausalLM");
                change(model, "\"llama\"", "\"mamba\"");
            }
            case "a model that was cut" -> {
                Path weights =
                        QuickstartFiles.copyOfModel(directory.resolve("cut")).resolve("model.safetensors");
                try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
                    file.setLength(2000);
                }
            }
            case "a quantized model" ->
                change(
                        QuickstartFiles.copyOfModel(directory.resolve("quantized"))
                                .resolve("config.json"),
                        "{",
                        "{\"quantization_config\": {\"bits\": 4},");
            default -> throw new IllegalArgumentException("no preparation is called: " + before);
        }
    }

    private static void change(Path file, String before, String after) {
        try {
            Files.writeString(
                    file, Files.readString(file).replaceFirst(Pattern.quote(before), Matcher.quoteReplacement(after)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What the launcher says, by the words that it has for it. */
    private static String messageWithoutJdk() throws Exception {
        Process bash = new ProcessBuilder(
                        "bash",
                        "-c",
                        "source '" + Markdown.ROOT.resolve("tools/find_jdk.sh") + "'; printf %s \"$no_jdk\"")
                .start();
        return new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }
}

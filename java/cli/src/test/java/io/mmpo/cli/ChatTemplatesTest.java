package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which template the commands take for a row, and how one that breaks a limit ends. */
@Timeout(180)
class ChatTemplatesTest {
    private static final List<Integer> TOOL_PROMPT = List.of(1, 274, 347, 421, 419, 467);

    @TempDir
    private Path directory;

    private Path config(Path model, Path rows, String... more) throws IOException {
        return Files.writeString(
                directory.resolve("config.yaml"),
                "model_name_or_path: " + model + "\ndataset_name: " + rows + "\noutput_dir: " + directory.resolve("out")
                        + "\nloss_type: dpo\ncache_dir: \"no\"\nmax_length: 100000\n" + String.join("\n", more));
    }

    private static List<Integer> begin(JsonNode ids) {
        return StreamSupport.stream(ids.spliterator(), false)
                .limit(TOOL_PROMPT.size())
                .map(JsonNode::intValue)
                .toList();
    }

    @Test
    void rowsWithToolsGetTheTemplateForTools() throws IOException {
        Path report = SharedFiles.path("reports/05-tool-use-template");
        Path config = config(report.resolve("model"), report.resolve("rows.jsonl"));
        List<String> lines = Cli.run("inspect-data", config, "--json")
                .succeeds()
                .out()
                .lines()
                .toList();
        JsonNode row = new ObjectMapper().readTree(lines.getFirst());
        assertThat(begin(row.get("prompt_ids"))).isEqualTo(TOOL_PROMPT);
        assertThat(Cli.run("inspect-data", config).succeeds().out())
                .contains("1 of 1 rows kept")
                .doesNotContain("with tools");
    }

    /** Where the tokenizer has none. */
    @Test
    void aRowMayBringItsTemplate() throws IOException {
        Path rows = Files.writeString(
                directory.resolve("rows.jsonl"),
                "{\"messages\": [{\"role\": \"user\", \"content\": \"Once upon a time\"}],"
                        + " \"chat_template_kwargs\": {\"chat_template\": \"{{ bos_token }}{{ messages[0].content }}\"}}\n");
        Path config = config(SharedFiles.path("models/stories260k"), rows, "loss_type: sft");
        Files.writeString(config, Files.readString(config).replace("loss_type: dpo\n", ""));
        assertThat(Cli.run("inspect-data", config).succeeds().out()).contains("1 of 1 rows kept");
    }

    /** The same through a template that never looks at them, though it has the word. */
    @Test
    void toolsThatNoTemplateReadsAreCounted() throws IOException {
        Path report = SharedFiles.path("reports/05-tool-use-template");
        Path template = Files.writeString(
                directory.resolve("t.jinja"), "{# tools #}tools:{% for m in messages %}{{ m.content }}{% endfor %}");
        Path config = config(report.resolve("model"), report.resolve("rows.jsonl"), "chat_template_path: " + template);
        assertThat(Cli.run("inspect-data", config).succeeds().out())
                .contains("1 with tools, which the chat template leaves out");
    }

    @Test
    void generateTakesToolsAndNamesTheRow() throws IOException {
        Path model = SharedFiles.path("reports/05-tool-use-template/model");
        String messages =
                "{\"prompt\": [{\"role\": \"user\", \"content\": \"Day?\"}, {\"role\": \"assistant\", \"content\": null, "
                        + "\"tool_calls\": [{\"name\": \"f\"}]}, {\"role\": \"tool\", \"content\": \"yes\"}]";
        Path rows = Files.writeString(
                directory.resolve("prompts.jsonl"),
                messages + ", \"tools\": \"[{\\\"function\\\": {\\\"name\\\": \\\"f\\\"}}]\"}\n" + messages
                        + ", \"chat_template_kwargs\": {\"chat_template\": \"{{ raise_exception('no such row') }}\"}}\n");
        Cli.run("generate", "--model", model, "--data", rows, "--output", directory.resolve("o"), "--max-new-tokens", 1)
                .failsWith(ExitCode.DATA, rows + ", line 2", "no such row");
        Files.writeString(rows, Files.readString(rows).lines().findFirst().orElseThrow() + "\n");
        Cli.run("generate", "--model", model, "--data", rows, "--output", directory.resolve("o"), "--max-new-tokens", 1)
                .succeeds();
        assertThat(Cli.readJsonLines(directory.resolve("o"))).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource({"split, over the limit of 1000000", "tojson_indent, over the limit of 33554432", "raise, it says: bad"})
    void aTemplateThatBreaksALimitIsNamedWithItsRow(String name, String message) throws IOException {
        Path faults = SharedFiles.path("reports/faults");
        Path template = faults.resolve(name + ".jinja");
        Path rows = faults.resolve("msg.jsonl");
        Path config = config(SharedFiles.path("models/stories260k"), rows, "chat_template_path: " + template);
        Cli.run("train", config).failsWith(ExitCode.DATA, rows + ", line 1", template.toString(), message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"tools\": [\"f\"]|tools[0]",
                "\"tools\": \"{}\"|tools must be a list",
                "\"tools\": 7|tools must be a list",
                "\"chat_template_kwargs\": {\"documents\": [1]}|documents[0]",
                "\"chat_template_kwargs\": {\"add_generation_prompt\": true}|add_generation_prompt",
                "\"chat_template_kwargs\": {\"chat_template\": 7}|chat_template_kwargs.chat_template"
            })
    void whatIsNoVariableOfATemplateIsNamed(String key, String message) throws IOException {
        Path rows = Files.writeString(
                directory.resolve("rows.jsonl"),
                "{\"prompt\": [{\"role\": \"user\", \"content\": \"Q\"}], \"chosen\": [{\"role\": \"assistant\", \"content\": \"A\"}],"
                        + " \"rejected\": [{\"role\": \"assistant\", \"content\": \"B\"}], " + key + "}\n");
        Path config = config(SharedFiles.path("models/stories260k"), rows);
        Cli.run("inspect-data", config).failsWith(ExitCode.DATA, rows + ", line 1", message);
    }
}

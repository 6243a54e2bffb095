package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Log-likelihoods and verdicts beside those of lm-evaluation-harness itself (lm_eval.jsonl beside the model). */
class EvalLmCommandTest {
    private static final String MODEL = "models/stories260k";
    private static final List<String> TASKS = List.of(
            "winogrande",
            "arc_easy",
            "piqa",
            "hellaswag",
            "openbookqa",
            "arc_challenge",
            "mmlu",
            "mathqa",
            "race",
            "commonsense_qa");

    @TempDir
    Path directory;

    private Path output(String name) {
        return directory.resolve(name);
    }

    private static Cli eval(Path output, String tasks, Object... more) {
        List<Object> words = new ArrayList<>(List.of(
                "eval",
                "lm",
                "--device=cpu",
                "--model",
                SharedFiles.path(MODEL),
                "--data",
                SharedFiles.path("data/lm_eval"),
                "--tasks",
                tasks,
                "--output",
                output));
        words.addAll(List.of(more));
        return Cli.run(words.toArray());
    }

    @Test
    void everyVerdictIsTheHarnesss() throws IOException {
        Cli cli = eval(output("all"), "all", "--limit", 25).succeeds();
        Map<String, JsonNode> expected = new HashMap<>();
        for (JsonNode row : Cli.readJsonLines(SharedFiles.path(MODEL + "/lm_eval.jsonl"))) {
            expected.put(row.path("task").asText() + " " + row.path("id").asText(), row);
        }
        JsonNode results = new ObjectMapper()
                .readTree(output("all").resolve("results.json").toFile());
        double sum = 0;
        for (String task : TASKS) {
            List<JsonNode> samples = Cli.readJsonLines(output("all").resolve("samples_" + task + ".jsonl"));
            assertThat(samples).as(task).hasSize(25);
            int compared = 0;
            double right = 0;
            for (JsonNode sample : samples) {
                right += sample.path("acc").doubleValue();
                JsonNode wanted =
                        expected.get(task + " " + sample.path("doc").path("id").asText());
                compared += wanted == null ? 0 : 1; // piqa has rows that are longer than the window
                if (wanted != null) {
                    compare(sample, wanted);
                }
            }
            assertThat(compared).as(task).isGreaterThan(20);
            JsonNode result = results.path("results").path(task);
            double accuracy = result.path("acc,none").doubleValue();
            assertThat(accuracy).as(task).isCloseTo(right / 25, within(1e-12));
            assertThat(result.path("acc_stderr,none").doubleValue())
                    .isCloseTo(Math.sqrt(accuracy * (1 - accuracy) / 24), within(1e-12));
            assertThat(result.path("sample_len").intValue()).isEqualTo(25);
            assertThat(cli.out()).contains(task);
            sum += accuracy;
        }
        assertThat(results.path("groups").path("mean_of_tasks").path("acc,none").doubleValue())
                .isCloseTo(sum / 10, within(1e-12));
        assertThat(cli.out()).contains("mean of 10");
        assertThat(output("all")).isDirectoryNotContaining("glob:**/.unfinished");
    }

    private static void compare(JsonNode sample, JsonNode wanted) {
        JsonNode scores = sample.path("filtered_resps");
        JsonNode logLikelihoods = wanted.path("loglikelihoods");
        String where = wanted.path("task").asText() + " " + wanted.path("id").asText();
        assertThat(scores).as(where).hasSameSizeAs(logLikelihoods);
        for (int i = 0; i < scores.size(); i++) {
            double value = logLikelihoods.path(i).doubleValue();
            assertThat(scores.path(i).path(0).doubleValue())
                    .as(where)
                    .isCloseTo(value, within(1e-3 + 1e-5 * Math.abs(value)));
        }
        assertThat(sample.path("target").asText())
                .as(where)
                .isEqualTo(wanted.path("target").asText());
        assertThat(sample.path("acc").doubleValue())
                .as(where)
                .isEqualTo(wanted.path("acc").doubleValue());
        if (wanted.has("acc_norm")) {
            assertThat(sample.path("acc_norm").doubleValue())
                    .as(where)
                    .isEqualTo(wanted.path("acc_norm").doubleValue());
        }
    }

    @Test
    void noBitDependsOnTheBatch() throws IOException {
        String tasks = "arc_easy,winogrande,commonsense_qa";
        eval(output("many"), tasks, "--limit", 30).succeeds();
        eval(output("one"), "commonsense_qa,winogrande,arc_easy", "--limit", 30, "--batch-size", 1)
                .succeeds();
        eval(output("seven"), "arc_easy, winogrande ,commonsense_qa", "--limit", 30, "--batch-size", 7)
                .succeeds();
        for (String task : tasks.split(",")) {
            String name = "samples_" + task + ".jsonl";
            assertThat(output("one").resolve(name))
                    .hasSameBinaryContentAs(output("many").resolve(name));
            assertThat(output("seven").resolve(name))
                    .hasSameBinaryContentAs(output("many").resolve(name));
        }
        assertThat(output("seven").resolve("results.json"))
                .hasSameBinaryContentAs(output("many").resolve("results.json"));
    }

    /** The same examples before every question are computed once a batch. */
    @Test
    void noBitDependsOnWhatIsComputedOnce() throws IOException {
        eval(output("shared"), "mmlu", "--limit", 30, "--num-fewshot", 4).succeeds();
        eval(output("alone"), "mmlu", "--limit", 30, "--num-fewshot", 4, "--batch-size", 1)
                .succeeds();
        assertThat(output("shared").resolve("samples_mmlu.jsonl"))
                .hasSameBinaryContentAs(output("alone").resolve("samples_mmlu.jsonl"));
    }

    @Test
    void examplesAndChatTemplatesAreInTheContext() throws IOException {
        Path template = Files.writeString(
                directory.resolve("chat.jinja"),
                "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
                        + "{% if add_generation_prompt %}<assistant>{% endif %}");
        eval(
                        output("chat"),
                        "arc_easy",
                        "--limit",
                        2,
                        "--num-fewshot",
                        1,
                        "--apply-chat-template",
                        "--chat-template",
                        template)
                .succeeds();
        eval(output("plain"), "arc_easy", "--limit", 2, "--num-fewshot", 1).succeeds();
        JsonNode chat = Cli.readJsonLines(output("chat").resolve("samples_arc_easy.jsonl"))
                .getFirst();
        JsonNode plain = Cli.readJsonLines(output("plain").resolve("samples_arc_easy.jsonl"))
                .getFirst();
        String question = "Question: " + chat.path("doc").path("question").asText() + "\nAnswer:";
        String context = chat.path("arguments").path("gen_args_0").path("arg_0").asText();
        assertThat(context)
                .matches("(?s)<user>Question: .*\nAnswer:<assistant>[^<]+<user>.*")
                .endsWith("<user>" + question + "<assistant>");
        assertThat(chat.path("arguments").path("gen_args_0").path("arg_1").asText())
                .isEqualTo(chat.path("doc").path("choices").path("text").path(0).asText());
        assertThat(plain.path("arguments").path("gen_args_0").path("arg_0").asText())
                .matches("(?s)Question: .*\nAnswer: [^\n]+\n\nQuestion: .*")
                .endsWith("\n\n" + question);
        assertThat(plain.path("arguments").path("gen_args_1").path("arg_1").asText())
                .isEqualTo(" "
                        + plain.path("doc").path("choices").path("text").path(1).asText());
    }

    @Test
    void aTaskOfOnesOwnIsOneFile() throws IOException {
        Path task = Files.writeString(directory.resolve("tale.yaml"), """
                task: tale
                output_type: generate_until
                doc_to_text: "{{start}}"
                doc_to_target: "{{end}}"
                generation_kwargs: {until: ["."], max_gen_toks: 40}
                metric_list: [{metric: exact_match}]
                """);
        Files.writeString(directory.resolve("tale.jsonl"), """
                {"start": "Once upon a time, there was a", "end": "?"}
                {"start": "Lily and Tom", "end": "?"}
                """);
        Path output = output("tale");
        Cli.run(
                        "eval",
                        "lm",
                        "--device=cpu",
                        "--model",
                        SharedFiles.path(MODEL),
                        "--data",
                        directory,
                        "--tasks",
                        task,
                        "--output",
                        output)
                .succeeds();
        List<JsonNode> samples = Cli.readJsonLines(output.resolve("samples_tale.jsonl"));
        assertThat(samples).hasSize(2).allSatisfy(sample -> {
            assertThat(sample.path("filtered_resps").path(0).asText())
                    .isNotBlank()
                    .doesNotContain(".");
            assertThat(sample.path("exact_match").doubleValue()).isZero();
        });
        // What it said as the target: now it is right, and as a likelihood it is greedy.
        String said = samples.getFirst().path("filtered_resps").path(0).asText();
        Files.writeString(
                directory.resolve("tale.jsonl"),
                new ObjectMapper()
                                .createObjectNode()
                                .put("start", "Once upon a time, there was a")
                                .put("end", said) + "\n");
        Files.writeString(task, Files.readString(task) + "metadata: {version: 2}\n");
        Path likelihood = Files.writeString(directory.resolve("likely.yaml"), """
                task: likely
                dataset_path: tale
                output_type: loglikelihood
                doc_to_text: start
                doc_to_target: " {{end.strip()}}"
                """);
        Cli.run(
                        "eval",
                        "lm",
                        "--device=cpu",
                        "--model",
                        SharedFiles.path(MODEL),
                        "--data",
                        directory,
                        "--tasks",
                        task + "," + likelihood,
                        "--output",
                        output("again"))
                .succeeds();
        JsonNode results = new ObjectMapper()
                .readTree(output("again").resolve("results.json").toFile())
                .path("results");
        assertThat(results.path("tale").path("exact_match,none").doubleValue()).isEqualTo(1);
        assertThat(results.path("likely").path("acc,none").doubleValue()).isEqualTo(1);
        assertThat(results.path("likely").path("perplexity,none").doubleValue()).isGreaterThan(1);
    }

    @Test
    void aKilledEvaluationGoesOnAndLeavesTheSameBytes() throws Exception {
        Path whole = output("whole");
        eval(whole, "hellaswag,arc_easy", "--limit", 60, "--batch-size", 2).succeeds();
        Path killed = output("killed");
        Path journal = killed.resolve(".unfinished/hellaswag.jsonl");
        Process process = CliProcess.start(
                "eval",
                "lm",
                "--device=cpu",
                "--model",
                SharedFiles.path(MODEL),
                "--data",
                SharedFiles.path("data/lm_eval"),
                "--tasks",
                "hellaswag,arc_easy",
                "--output",
                killed,
                "--limit",
                60,
                "--batch-size",
                2);
        try (InputStream said = process.getInputStream()) {
            while (process.isAlive() && (!Files.exists(journal) || lines(journal) < 5)) {
                Thread.sleep(2);
            }
            process.destroyForcibly().waitFor();
        }
        assertThat(killed.resolve("results.json")).doesNotExist();
        long answered = lines(journal) - 1;
        assertThat(answered).isBetween(4L, 60L);
        Cli cli = eval(killed, "hellaswag,arc_easy", "--limit", 60, "--batch-size", 2)
                .succeeds();
        assertThat(cli.err()).contains("hellaswag: ").contains("questions were answered before");
        for (String name : List.of("results.json", "samples_hellaswag.jsonl", "samples_arc_easy.jsonl")) {
            assertThat(killed.resolve(name)).hasSameBinaryContentAs(whole.resolve(name));
        }
        assertThat(killed.resolve(".unfinished")).doesNotExist();
    }

    private static long lines(Path file) throws IOException {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.count();
        }
    }

    @Test
    void saysWhatIsMissing() throws IOException {
        eval(output("none"), "arc_hard").failsWith(ExitCode.CONFIGURATION, "no task arc_hard", "race_legacy");
        eval(output("none"), "arc_easy", "--limit", 0).failsWith(ExitCode.CONFIGURATION, "--limit");
        eval(output("none"), "arc_easy", "--apply-chat-template")
                .failsWith(ExitCode.CONFIGURATION, "chat template", "--chat-template");
        eval(output("none"), "arc_easy", "--num-fewshot", 250).failsWith(ExitCode.DATA, "250 examples");
        Path empty = Files.createDirectory(directory.resolve("empty"));
        Cli.run(
                        "eval",
                        "lm",
                        "--model",
                        SharedFiles.path(MODEL),
                        "--data",
                        empty,
                        "--tasks",
                        "race",
                        "--output",
                        output("x"))
                .failsWith(ExitCode.DATA, "race.jsonl", "empty");
        Files.writeString(empty.resolve("piqa.jsonl"), "{\"goal\": \"a\", \"sol1\": \"b\", \"label\": 0}\n");
        Cli.run(
                        "eval",
                        "lm",
                        "--model",
                        SharedFiles.path(MODEL),
                        "--data",
                        empty,
                        "--tasks",
                        "piqa",
                        "--output",
                        output("x"))
                .failsWith(ExitCode.DATA, "piqa.jsonl, line 1", "doc_to_choice", "'sol2'", "undefined");
        assertThat(output("x").resolve("results.json")).doesNotExist();
    }
}

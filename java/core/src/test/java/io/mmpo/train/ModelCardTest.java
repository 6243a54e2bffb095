package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.mmpo.config.TrainingConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** README.md beside a final model. bench/trl/check_card.py reads one with huggingface_hub. */
class ModelCardTest {
    /** huggingface_hub's own: repocard.REGEX_YAML_BLOCK. */
    private static final Pattern FRONT_MATTER =
            Pattern.compile("^(\\s*---[\\r\\n]+)([\\S\\s]*?)([\\r\\n]+---(\\r\\n|\\n|$))");

    @TempDir
    Path directory;

    private final List<String> messages = new ArrayList<>();

    private Path run(int steps, String name, Path rows, Map<String, ?> more) {
        Map<String, Object> keys = new HashMap<>(Map.of("loss_type", "dpo", "max_steps", 6, "save_strategy", "steps"));
        keys.putAll(Map.of("save_steps", 2, "eval_strategy", "steps", "eval_steps", 2, "eval_dataset_name", rows));
        keys.putAll(more);
        TrainingConfig config = GoldenRun.config(rows, directory.resolve(name), keys);
        Trainer.run(config, new StopAfter(steps, messages));
        return directory.resolve(name).resolve("final/README.md");
    }

    private static JsonNode frontMatter(String card) throws IOException {
        Matcher matcher = FRONT_MATTER.matcher(card);
        assertThat(matcher.find()).isTrue();
        return new YAMLMapper().readTree(matcher.group(2));
    }

    @Test
    void saysWhatTheModelIsOf() throws IOException {
        String card = Files.readString(run(99, "run", GoldenRun.writeRows(directory), Map.of()));
        JsonNode front = frontMatter(card);
        assertThat(front.path("library_name").asText()).isEqualTo("transformers");
        assertThat(front.path("tags").toString()).isEqualTo("[\"mmpo\",\"dpo\"]");
        // Local files have no name that a hub knows.
        assertThat(front.has("base_model")).isFalse();
        assertThat(front.has("datasets")).isFalse();
        assertThat(card)
                .contains(
                        "6 steps of 8 pairs",
                        "AutoModelForCausalLM.from_pretrained(here)",
                        "`" + directory.resolve("rows.jsonl") + "`")
                .contains("learning_rate: 5.0E-4", "loss_type: \"dpo\"")
                .doesNotContain(
                        "AutoTokenizer", "output_dir", "resume_from_checkpoint", "seconds", "runtime", "memory");
        for (String metric : List.of("loss", "rewards/accuracies", "eval_loss", "eval_rewards/margins")) {
            List<JsonNode> lines = GoldenRun.metrics(directory.resolve("run"), metric);
            double value = Double.parseDouble(valueOf(card, metric));
            assertThat(value)
                    .as(metric)
                    .isCloseTo(
                            lines.getLast().get(metric).doubleValue(),
                            org.assertj.core.data.Percentage.withPercentage(0.01));
        }
    }

    private static String valueOf(String card, String metric) {
        Matcher matcher =
                Pattern.compile("\\| `" + metric + "` \\| 6 \\| (\\S+) \\|").matcher(card);
        assertThat(matcher.find()).as(metric).isTrue();
        return matcher.group(1);
    }

    @Test
    void isTheSameOfARunThatWasInterrupted() throws IOException {
        Path rows = GoldenRun.writeRows(directory);
        Path whole = run(99, "whole", rows, Map.of());
        assertThat(run(3, "cut", rows, Map.of())).doesNotExist();
        Path resumed = run(99, "cut", rows, Map.of("resume_from_checkpoint", true));
        assertThat(resumed).hasSameTextualContentAs(whole);
    }

    @Test
    void ofTheBestCheckpointHasItsMetrics() throws IOException {
        Map<String, Object> keys = new HashMap<>(Map.of("load_best_model_at_end", true, "learning_rate", 1e-3));
        keys.putAll(Map.of("metric_for_best_model", "loss", "greater_is_better", true));
        Path card = run(99, "best", GoldenRun.writeRows(directory), keys);
        assertThat(messages).anyMatch(line -> line.startsWith("final is checkpoint-2, the best"));
        assertThat(Files.readString(card))
                .contains("2 steps of 8 pairs, the best of the checkpoints of 6 steps", "| `eval_loss` | 2 | ")
                .doesNotContain("| 6 |");
    }

    @Test
    void ofAnAdapterLoadsWithPeft() throws IOException {
        Path card = run(99, "lora", GoldenRun.writeRows(directory), Map.of("use_peft", true, "lora_r", 4));
        assertThat(frontMatter(Files.readString(card)).path("library_name").asText())
                .isEqualTo("peft");
        assertThat(card).content().contains("AutoPeftModelForCausalLM.from_pretrained(here)", "A LoRA adapter of `");
    }

    /** A name from outside neither ends the front matter or a block of code, nor becomes markup. */
    @Test
    void namesFromOutsideAreShownAsTheyAre() throws IOException {
        Path odd = Files.createDirectories(directory.resolve("``` <script>`x` | ![a](b)\n---\n# b"));
        Path rows = Files.move(GoldenRun.writeRows(directory), odd.resolve("rows.jsonl"));
        String card = Files.readString(run(99, "odd", rows, Map.of()));
        assertThat(frontMatter(card).path("library_name").asText()).isEqualTo("transformers");
        assertThat(card.lines()).noneMatch(line -> line.startsWith("# b"));
        Matcher settings = Pattern.compile("(?ms)^(`{4,})yaml\n(.*?)^\\1$").matcher(card);
        assertThat(settings.find()).isTrue();
        assertThat(new YAMLMapper()
                        .readTree(settings.group(2))
                        .path("dataset_name")
                        .asText())
                .isEqualTo(rows.toString());
        // Outside of that block the name stands on one line, between more backticks than it has.
        assertThat(card.substring(0, settings.start()))
                .contains("````" + directory + "/``` <script>`x` | ![a](b)\\n---\\n# b/rows.jsonl````");
    }
}

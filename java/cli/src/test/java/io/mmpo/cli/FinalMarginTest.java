package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a run's last evaluation found is what its final/ gives, computed in the type that was trained in. */
class FinalMarginTest {
    @TempDir
    Path directory;

    private TinyRun run;

    @BeforeEach
    void writeRows() {
        run = TinyRun.in(directory);
    }

    /** To the last bit: final/ rounds to the weights that the run computed with. */
    @ParameterizedTest
    @CsvSource({
        "bf16=false, false",
        "bf16=true, true",
        "bf16=true optim=adamw_8bit, true",
        "bf16=true dtype=bfloat16, true",
        "bf16=true dtype=bfloat16 save_dtype=float32, true",
        "bf16=true use_peft=true lora_target_modules=all-linear, true",
        "bf16=false use_peft=true, false"
    })
    void isThatOfTheLastEvaluation(String keys, boolean bf16) throws IOException {
        train(keys);
        JsonNode evaluated = lastEvaluation();
        double[] means = means(run.output().resolve("final"), bf16);
        assertThat(means[0]).isEqualTo(evaluated.get("eval_logps/chosen").doubleValue());
        assertThat(means[1]).isEqualTo(evaluated.get("eval_logps/rejected").doubleValue());
    }

    /** Merged into float32 it is the adapter's but for the order of sums; in bfloat16 the merged matrices are rounded for computing. */
    @ParameterizedTest
    @CsvSource({"false, 1e-4", "true, 0.1"})
    void aMergedAdapterHasItToo(boolean bf16, double tolerance) throws IOException {
        train("use_peft=true lora_target_modules=all-linear learning_rate=5e-3 bf16=" + bf16);
        Path merged = directory.resolve("merged");
        Cli.run(
                        "merge",
                        "--model",
                        run.model(),
                        "--adapter",
                        run.output().resolve("final"),
                        "--output",
                        merged,
                        "--dtype",
                        "float32")
                .succeeds();
        double[] means = means(merged, bf16);
        JsonNode evaluated = lastEvaluation();
        double margin = evaluated.get("eval_logps/chosen").doubleValue()
                - evaluated.get("eval_logps/rejected").doubleValue();
        assertThat(means[0] - means[1]).isCloseTo(margin, within(tolerance));
    }

    /**
     * From a bfloat16 model small updates are below the distance of two bfloat16 numbers: what float32 keeps of the margin is lost
     * by rounding to the nearest, and the run says so; by chance it is kept in the mean.
     */
    @Test
    void aRoundedModelHasLostItAndTheRunSaysSo() throws IOException {
        Path start = directory.resolve("start");
        run.train(with("learning_rate=1e-30 max_steps=1 save_dtype=bfloat16", "output_dir=" + start))
                .succeeds();
        Path model = start.resolve("final");
        String keys =
                "bf16=true learning_rate=2e-6 max_steps=30 lr_scheduler_type=constant model_name_or_path=" + model;
        double before = margin(model);
        run.train(with(keys)).succeeds();
        double gained = margin(run.output().resolve("final")) - before;
        Path rounded = directory.resolve("rounded");
        Cli saved = run.train(with(keys, "output_dir=" + rounded, "save_dtype=bfloat16"));
        assertThat(saved.succeeds().err()).contains("warning: final: ", "after rounding to bfloat16");
        Path drawn = directory.resolve("drawn");
        run.train(with(keys, "output_dir=" + drawn, "save_dtype=bfloat16", "save_rounding=stochastic"))
                .succeeds();
        double nearest = margin(rounded.resolve("final")) - before;
        double stochastic = margin(drawn.resolve("final")) - before;
        System.out.printf(
                "margin gained: %.4f; left in bfloat16 by the nearest %.4f, by chance %.4f%n",
                gained, nearest, stochastic);
        assertThat(gained).isGreaterThan(0.02);
        assertThat(nearest).isLessThan(0.5 * gained);
        assertThat(Math.abs(stochastic - gained)).isLessThan(Math.abs(nearest - gained));
    }

    private static String[] with(String keys, String... more) {
        List<String> words = new ArrayList<>(Arrays.asList(keys.split(" ")));
        words.addAll(List.of(more));
        words.addAll(List.of("cache_dir=no"));
        return words.toArray(String[]::new);
    }

    private void train(String keys) {
        String[] evaluation = {"eval_strategy=steps", "eval_steps=2", "eval_dataset_name=" + run.rows()};
        run.train(with(keys, evaluation)).succeeds();
    }

    private JsonNode lastEvaluation() throws IOException {
        return Cli.readJsonLines(run.output().resolve("metrics.jsonl")).stream()
                .filter(line -> line.has("eval_loss"))
                .reduce((first, second) -> second)
                .orElseThrow();
    }

    private double margin(Path model) throws IOException {
        double[] means = means(model, false);
        return means[0] - means[1];
    }

    /** Of chosen and rejected responses, summed as the evaluation sums them. */
    private double[] means(Path model, boolean bf16) throws IOException {
        Path output = directory.resolve("logps.jsonl");
        List<Object> words = new ArrayList<>(
                List.of("logprobs", "--model", model, "--data", run.rows(), "--output", output, "--max-length", 1024));
        if (bf16) {
            words.add("--bf16");
        }
        Cli.run(words.toArray()).succeeds();
        List<JsonNode> rows = Cli.readJsonLines(output);
        double[] sums = new double[2];
        for (JsonNode row : rows) {
            sums[0] += row.get("chosen_logps").doubleValue();
            sums[1] += row.get("rejected_logps").doubleValue();
        }
        return new double[] {sums[0] / rows.size(), sums[1] / rows.size()};
    }
}

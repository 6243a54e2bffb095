package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.model.GoldenAdapter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs against transformers and TRL: golden/training.json, float32. Tolerances: golden/README.md. */
class TrainerGoldenTest {
    private static final Offset<Double> LOSS = within(1e-4);
    private static final Offset<Double> GRAD_NORM = within(5e-4);
    private static final double ONE_PAIR = 1 / 8.0;

    @TempDir
    Path directory;

    @Test
    void mmpo() throws IOException {
        check("mmpo", Map.of("loss_type", "mmpo"), ONE_PAIR);
    }

    @Test
    void mmpoWithoutTheAuxiliaryTerm() throws IOException {
        check("mmpo_no_aux", Map.of("loss_type", "mmpo", "mmpo_aux_weight", 0), ONE_PAIR);
    }

    @Test
    void dpo() throws IOException {
        check("dpo", Map.of("loss_type", "dpo"), 0);
    }

    @Test
    void simpo() throws IOException {
        check(
                "simpo_paper_variant",
                Map.of("loss_type", "simpo", "length_normalize", false, "beta", 2, "simpo_gamma", 1),
                ONE_PAIR);
    }

    @Test
    void dpoWithoutRecomputation() throws IOException {
        check("dpo", Map.of("loss_type", "dpo", "gradient_checkpointing", false), 0);
    }

    /** Goes on with PEFT's adapter; the reference is the model below it. */
    @Test
    void dpoOfAnAdapter() throws IOException {
        GoldenAdapter adapter = GoldenAdapter.copyTo(directory.resolve("adapter"));
        check(
                "dpo_lora",
                Map.of(
                        "loss_type",
                        "dpo",
                        "use_peft",
                        true,
                        "model_name_or_path",
                        adapter.directory(),
                        "ref_model_name_or_path",
                        adapter.model()),
                0);
    }

    private void check(String run, Map<String, ?> keys, double accuracyTolerance) throws IOException {
        Path output = directory.resolve("run");
        Path rows = GoldenRun.writeRows(directory);
        TrainingResult result =
                Trainer.run(GoldenRun.config(rows, output, keys), ProgressListener.silent(), GoldenRun.storedOrder());
        JsonNode expected = GoldenRun.golden().at("/runs/" + run + "/float32/steps");
        List<JsonNode> actual = GoldenRun.metrics(output, "loss");
        assertThat(actual).hasSize(40).hasSameSizeAs(expected);
        for (int step = 0; step < 40; step++) {
            JsonNode line = actual.get(step);
            JsonNode golden = expected.get(step);
            assertThat(line.get("step").intValue()).isEqualTo(step + 1);
            assertClose(line, "loss", golden, "loss", LOSS);
            assertClose(line, "grad_norm", golden, "grad_norm", GRAD_NORM);
            assertClose(line, "learning_rate", golden, "lr", within(1e-12));
            assertClose(line, "rewards/chosen", golden, "reward_chosen", within(5e-4));
            assertClose(line, "rewards/rejected", golden, "reward_rejected", within(5e-4));
            assertClose(line, "rewards/margins", golden, "reward_margin", within(1e-3));
            assertClose(line, "rewards/accuracies", golden, "reward_accuracy", within(accuracyTolerance + 1e-9));
            assertThat(line.get("epoch").doubleValue()).isEqualTo((step + 1) / 8.0, within(1e-12));
        }
        assertThat(result.globalStep()).isEqualTo(40);
        assertThat(result.directory().orElseThrow())
                .isEqualTo(output.resolve("final"))
                .isDirectoryContaining("glob:**model.safetensors");
    }

    private static void assertClose(
            JsonNode line, String name, JsonNode golden, String goldenName, Offset<Double> offset) {
        assertThat(line.get(name).doubleValue())
                .as("%s at step %s", name, line.get("step"))
                .isEqualTo(golden.get(goldenName).doubleValue(), offset);
    }
}

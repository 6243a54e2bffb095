package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.SharedFiles;
import io.mmpo.files.JsonFile;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.NativeTrainer;
import io.mmpo.nativelib.PackedBatch;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.LossType;
import io.mmpo.spec.Objective;
import io.mmpo.spec.OptimizerSettings;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.Recompute;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** golden/models: architectures' parts that tiny_llama lacks, against float64 values of transformers. */
class GoldenModelsTest {
    private static final double RELATIVE = 2e-6;
    private static final double ABSOLUTE = 1e-5;

    @ParameterizedTest
    @ValueSource(strings = {"llama_linear", "llama_yarn", "mistral_window", "qwen3", "smollm3"})
    void logProbabilitiesAndGradientNormEqualTransformers(String name) throws IOException {
        String golden = "golden/models/" + name;
        JsonNode expected = SharedFiles.json(golden + "/expected.json");
        PackedBatch batch = pairs(golden + "/pairs.jsonl");
        try (ModelFiles files = ModelFiles.open(SharedFiles.path(golden));
                NativeModel model = files.load(ComputeType.FLOAT32);
                NativeTrainer trainer = NativeTrainer.create(
                        model, new OptimizerSettings(OptimizerType.ADAMW, 0.9, 0.999, 1e-8, 0, Recompute.NONE, true))) {
            double[] logps = model.logps(batch);
            for (int i = 0; i < logps.length; i++) {
                double wanted = expected.get(i % 2 == 0 ? "chosen_logps" : "rejected_logps")
                        .get(i / 2)
                        .doubleValue();
                assertThat(logps[i]).as("sequence %d", i).isCloseTo(wanted, within(ABSOLUTE + RELATIVE * -wanted));
            }
            Objective dpo = Objective.of(
                    LossType.DPO,
                    Objective.Coefficients.ofBeta(expected.get("dpo_beta").doubleValue()),
                    2.0 / logps.length);
            trainer.accumulate(batch, dpo, logps);
            double norm = expected.get("dpo_grad_norm").doubleValue();
            assertThat(trainer.step(0, 0)).isCloseTo(norm, within(1e-4 * norm));
        }
    }

    private static PackedBatch pairs(String file) throws IOException {
        List<int[]> prompts = new ArrayList<>();
        List<int[][]> completions = new ArrayList<>();
        for (String line : Files.readAllLines(SharedFiles.path(file))) {
            JsonNode pair = JsonFile.MAPPER.readTree(line);
            prompts.add(ids(pair, "prompt_ids"));
            completions.add(new int[][] {ids(pair, "chosen_ids"), ids(pair, "rejected_ids")});
        }
        return PackedBatch.of(prompts, completions);
    }

    private static int[] ids(JsonNode pair, String key) {
        int[] ids = new int[pair.get(key).size()];
        Arrays.setAll(ids, i -> pair.get(key).get(i).intValue());
        return ids;
    }
}

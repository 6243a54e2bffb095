package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.SharedFiles;
import io.mmpo.nativelib.PackedBatch;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import io.mmpo.spec.WeightFormat;
import io.mmpo.spec.WeightType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models with adapters: found, loaded, computed with, saved. */
class PretrainedModelTest {
    @TempDir
    Path directory;

    /** golden/tiny_llama: 1e-5 a token. */
    @Test
    void anAdapterOfPeftsGivesItsLogProbabilities() throws IOException {
        JsonNode golden = SharedFiles.json("golden/tiny_llama/golden.json");
        for (String name : List.of("tied", "untied_llama3_rope")) {
            ModelSource source = ModelSource.of(
                    SharedFiles.path("golden/tiny_llama/" + name),
                    SharedFiles.path("golden/tiny_llama/" + name + "_lora"),
                    UnaryOperator.identity());
            JsonNode expected = golden.at("/models/" + name + "/lora");
            try (PretrainedModel model = PretrainedModel.load(source, ComputeType.FLOAT32, Device.CPU, 0)) {
                assertThat(model.numTrainableParameters())
                        .isEqualTo(expected.get("trainable_parameters").longValue());
                for (int row = 0; row < 3; row++) {
                    JsonNode pair = golden.get("pairs").get(row);
                    float[][] found = model.core()
                            .tokenLogps(PackedBatch.of(List.of(ids(pair, "prompt_ids")), List.<int[][]>of(new int[][] {
                                ids(pair, "chosen_ids"), ids(pair, "rejected_ids")
                            })));
                    JsonNode tokens = expected.at("/float64/tokens").get(row);
                    expectClose(found[0], tokens.get("chosen_token_logps"));
                    expectClose(found[1], tokens.get("rejected_token_logps"));
                }
            }
        }
    }

    /** Alone and under an adapter: half the memory, and the bits of float32. Files in float32 stay what they are. */
    @Test
    void aFrozenModelStaysInTheTypeOfItsFiles() throws IOException {
        Path wide = SharedFiles.path("golden/tiny_llama/untied_llama3_rope");
        Path narrow = StoredModel.copy(wide, directory.resolve("bfloat16"), WeightType.BFLOAT16);
        Path adapter = SharedFiles.path("golden/tiny_llama/untied_llama3_rope_lora");
        int[][] completions = {{5, 6, 7}, {8, 9}};
        PackedBatch batch = PackedBatch.of(List.of(new int[] {1, 2, 3, 4}), List.<int[][]>of(completions));
        for (ModelSource source : List.of(source(narrow), ModelSource.of(narrow, adapter, UnaryOperator.identity()))) {
            try (PretrainedModel frozen = PretrainedModel.loadFrozen(source, ComputeType.FLOAT32, Device.CPU);
                    PretrainedModel trained = PretrainedModel.load(source, ComputeType.FLOAT32, Device.CPU, 0)) {
                assertThat(typesOf(frozen)).containsOnly("BF16");
                assertThat(typesOf(trained)).containsOnly("F32");
                assertThat(frozen.core().tokenLogps(batch))
                        .isDeepEqualTo(trained.core().tokenLogps(batch));
            }
        }
        try (PretrainedModel frozen = PretrainedModel.loadFrozen(source(wide), ComputeType.FLOAT32, Device.CPU)) {
            assertThat(typesOf(frozen)).containsOnly("F32");
        }
    }

    private static List<String> typesOf(PretrainedModel model) {
        return model.core().parameters().stream().map(Tensor::dtype).toList();
    }

    @Test
    void whatIsSavedIsReadBackToTheBit() throws IOException {
        GoldenAdapter golden = GoldenAdapter.copyTo(directory.resolve("adapter"));
        Path saved = Files.createDirectory(directory.resolve("saved"));
        try (PretrainedModel model =
                PretrainedModel.load(source(golden.directory()), ComputeType.BFLOAT16, Device.CPU, 0)) {
            model.save(
                    saved,
                    Optional.empty(),
                    model.core().adapterParameters(),
                    new Narrowing(WeightFormat.nearest(WeightType.FLOAT32), List.of()));
        }
        assertThat(saved.toFile().list()).containsExactlyInAnyOrder("adapter_config.json", "adapter_model.safetensors");
        assertThat(source(saved).base()).isEqualTo(golden.model());
        try (AdapterFiles before = AdapterFiles.open(golden.directory());
                AdapterFiles after = AdapterFiles.open(saved)) {
            assertThat(after.weights()).hasSameSizeAs(before.weights());
            before.weights()
                    .forEach(tensor -> assertThat(after.weights().stream()
                                    .filter(other -> other.name().equals(tensor.name()))
                                    .findFirst()
                                    .orElseThrow()
                                    .data()
                                    .mismatch(tensor.data()))
                            .as(tensor.name())
                            .isEqualTo(-1));
        }
    }

    @Test
    void theModelIsLookedForBesideTheAdapterFirst() throws IOException {
        Path base = Files.createDirectories(directory.resolve("models/base"));
        GoldenAdapter adapter = GoldenAdapter.copyTo(directory.resolve("models/adapter"));
        adapter.change(config -> config.put("base_model_name_or_path", "../base"));
        assertThat(source(adapter.directory()))
                .isEqualTo(new ModelSource(base, base.toString(), Optional.of(adapter.directory())));
        adapter.change(config -> config.put("base_model_name_or_path", base.toString()));
        assertThat(source(adapter.directory()).base()).isEqualTo(base);
        assertThat(ModelSource.of(base, adapter.directory(), UnaryOperator.identity())
                        .base())
                .isEqualTo(base);
        assertThatThrownBy(() -> ModelSource.of(adapter.directory(), adapter.directory(), UnaryOperator.identity()))
                .hasMessageContaining("is an adapter itself");
        adapter.change(config -> config.put("base_model_name_or_path", "owner/name"));
        assertThatThrownBy(() -> source(adapter.directory()))
                .hasMessageContaining("\"owner/name\"")
                .hasMessageContaining("base_model_name_or_path");
        adapter.change(config -> config.putNull("base_model_name_or_path"));
        assertThatThrownBy(() -> source(adapter.directory())).hasMessageContaining("does not say which model");
    }

    @Test
    void theAdaptersTokenizerGoesBeforeTheModels() throws IOException {
        GoldenAdapter adapter = GoldenAdapter.copyTo(directory.resolve("adapter"));
        assertThat(source(adapter.directory()).tokenizerDirectory()).isEqualTo(adapter.model());
        Files.writeString(adapter.directory().resolve("tokenizer.json"), "{}");
        assertThat(source(adapter.directory()).tokenizerDirectory()).isEqualTo(adapter.directory());
    }

    @Test
    void anAdapterThatDoesNotFitIsRefused() throws IOException {
        GoldenAdapter adapter = GoldenAdapter.copyTo(directory.resolve("adapter"));
        adapter.change(config -> config.put("r", 60000));
        assertThatThrownBy(() -> load(adapter))
                .hasMessageContaining("asks for 208,080,000 numbers")
                .hasMessageContaining("holds 13,872");
        adapter.change(config -> config.put("r", 4));
        Files.delete(adapter.directory().resolve("adapter_model.safetensors"));
        assertThatThrownBy(() -> load(adapter)).hasMessageContaining("holds no adapter_model.safetensors");
    }

    private static void load(GoldenAdapter adapter) {
        PretrainedModel.load(source(adapter.directory()), ComputeType.FLOAT32, Device.CPU, 0)
                .close();
    }

    private static ModelSource source(Path directory) {
        return ModelSource.of(directory, UnaryOperator.identity());
    }

    private static void expectClose(float[] found, JsonNode expected) {
        assertThat(found).hasSize(expected.size());
        for (int i = 0; i < found.length; i++) {
            assertThat((double) found[i]).isEqualTo(expected.get(i).doubleValue(), within(1e-5));
        }
    }

    private static int[] ids(JsonNode pair, String key) {
        int[] ids = new int[pair.get(key).size()];
        Arrays.setAll(ids, i -> pair.get(key).get(i).intValue());
        return ids;
    }
}

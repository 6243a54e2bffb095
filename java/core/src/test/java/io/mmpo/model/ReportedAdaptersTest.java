package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.SharedFiles;
import io.mmpo.nativelib.PackedBatch;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Adapters that people brought; the values are PEFT 0.21's, in double, on the row of reports/09. */
class ReportedAdaptersTest {
    private static final double RESIZED = -130.25660117189514;

    @TempDir
    Path directory;

    @Test
    void aRegularExpressionAndExcludedModules() {
        Path model = SharedFiles.path("golden/tiny_llama/tied");
        Path reports = SharedFiles.path("reports/09-target-module-names");
        assertThat(chosen(model, reports.resolve("regex"))).isEqualTo(-28.686909901728555, within(2e-5));
        assertThat(chosen(model, reports.resolve("exclude"))).isEqualTo(-28.550016243817492, within(2e-5));
    }

    @Test
    void aResizedVocabularyOverEitherModel() {
        Path reports = SharedFiles.path("reports/08-adapter-with-embeddings");
        Path adapter = reports.resolve("adapter");
        Path smaller = SharedFiles.path("models/stories260k");
        for (Path model : List.of(reports.resolve("base_resized"), smaller)) {
            assertThat(chosen(model, adapter)).isEqualTo(RESIZED, within(1e-4));
        }
        Path merged = directory.resolve("merged");
        AdapterMerge.run(
                ModelSource.of(smaller, adapter, UnaryOperator.identity()), merged, AdapterMerge.Options.DEFAULT);
        ModelConfig config = ModelConfig.read(merged);
        assertThat(config.shape().vocabSize()).isEqualTo(513);
        assertThat(config.shape().tieEmbeddings()).isTrue();
        assertThat(merged.resolve("tokenizer.json")).hasSameBinaryContentAs(adapter.resolve("tokenizer.json"));
        assertThat(chosen(new ModelSource(merged, "", Optional.empty()))).isEqualTo(RESIZED, within(1e-4));
    }

    /** A head of its own beside an embedding that is not: the merged model is no longer tied, and its index has one entry more. */
    @Test
    void aHeadOfItsOwnUntiesTheMergedModel() throws IOException {
        GoldenAdapter golden = GoldenAdapter.copyTo(directory.resolve("adapter"));
        Path model = directory.resolve("model");
        Files.createDirectory(model);
        try (ModelFiles files = ModelFiles.open(golden.model());
                AdapterFiles adapter = AdapterFiles.open(golden.directory())) {
            PretrainedWriter.write(model, golden.model(), files.weights(), TensorForm.UNCHANGED, 100_000);
            Tensor embedding = files.weights().stream()
                    .filter(weight -> weight.name().equals(ParameterNames.EMBEDDING))
                    .findFirst()
                    .orElseThrow();
            Tensor head = AdapterFiles.named(embedding, "base_model.model.lm_head.weight");
            MemorySegment data = Arena.ofAuto().allocate(head.data().byteSize(), 8);
            for (long i = 0; i < head.numElements(); i++) {
                float value = head.data().get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i);
                data.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1.5F * value);
            }
            List<Tensor> weights = new ArrayList<>(adapter.weights());
            weights.add(new Tensor(head.name(), head.shape(), "F32", data));
            Path other = Files.createDirectory(directory.resolve("other"));
            SafetensorsWriter.writeFile(other.resolve(AdapterFiles.WEIGHTS_FILE), weights, SafetensorsWriter.PYTORCH);
            golden.change(config -> config.putArray("modules_to_save").add("lm_head"));
            Files.copy(golden.directory().resolve(AdapterConfig.FILE), other.resolve(AdapterConfig.FILE));
        }
        Path other = directory.resolve("other");
        Path merged = directory.resolve("merged");
        ModelSource source = ModelSource.of(model, other, UnaryOperator.identity());
        AdapterMerge.run(source, merged, AdapterMerge.Options.DEFAULT);
        assertThat(ModelConfig.read(merged).shape().tieEmbeddings()).isFalse();
        assertThat(SafetensorsIndex.read(merged.resolve(SafetensorsIndex.FILE)).weightMap())
                .containsKey("lm_head.weight");
        assertThat(chosen(new ModelSource(merged, "", Optional.empty())))
                .isEqualTo(chosen(source), within(1e-4))
                .isNotCloseTo(chosen(model, other.resolveSibling("adapter-without")), within(0.1));
    }

    @Test
    void whatIsMissingOfAResizedModelIsSaid() throws IOException {
        Path reports = SharedFiles.path("reports/08-adapter-with-embeddings");
        try (AdapterFiles adapter = AdapterFiles.open(reports.resolve("adapter"))) {
            List<Tensor> weights = adapter.weights().stream()
                    .filter(weight -> !weight.name().contains("lm_head"))
                    .toList();
            SafetensorsWriter.writeFile(
                    directory.resolve(AdapterFiles.WEIGHTS_FILE), weights, SafetensorsWriter.PYTORCH);
        }
        ObjectNode config = (ObjectNode) new ObjectMapper()
                .readTree(reports.resolve("adapter").resolve(AdapterConfig.FILE).toFile());
        config.putArray("modules_to_save").add("embed_tokens");
        Files.writeString(directory.resolve(AdapterConfig.FILE), config.toString());
        assertThatThrownBy(() -> chosen(SharedFiles.path("models/stories260k"), directory))
                .hasMessageContaining("513")
                .hasMessageContaining("resize_token_embeddings");
        Files.move(directory.resolve(AdapterFiles.WEIGHTS_FILE), directory.resolve("adapter_model.bin"));
        assertThatThrownBy(() -> AdapterFiles.open(directory)).hasMessageContaining("a pickle");
    }

    private static double chosen(Path model, Path adapter) {
        return chosen(
                Files.exists(adapter)
                        ? ModelSource.of(model, adapter, UnaryOperator.identity())
                        : new ModelSource(model, "", Optional.empty()));
    }

    private static double chosen(ModelSource source) {
        try (PretrainedModel model = PretrainedModel.load(source, ComputeType.FLOAT32, Device.CPU, 0)) {
            List<int[][]> completions = List.<int[][]>of(new int[][] {{40, 41, 8, 9, 2}});
            return model.core().logps(PackedBatch.of(List.of(new int[] {5, 17, 33}), completions))[0];
        }
    }
}

package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.SharedFiles;
import io.mmpo.files.JsonFile;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.PackedBatch;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import io.mmpo.spec.WeightFormat;
import io.mmpo.spec.WeightType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Layouts that transformers loads: which tensor becomes which parameter. bench/trl/check_transformers.py compares the numbers. */
class CheckpointTest {
    private static final String HEAD = "lm_head.weight";
    private static final String EMBEDDING = "model.embed_tokens.weight";

    @TempDir
    Path directory;

    private final Arena arena = Arena.ofConfined();
    private ModelFiles tied;
    private ModelFiles untied;

    @BeforeEach
    void open() {
        tied = ModelFiles.open(SharedFiles.path("golden/tiny_llama/tied"));
        untied = ModelFiles.open(SharedFiles.path("golden/tiny_llama/untied_llama3_rope"));
    }

    @AfterEach
    void close() {
        tied.close();
        untied.close();
        arena.close();
    }

    @Test
    void theTiedMatrixIsFoundUnderEitherName() throws IOException {
        double expected = logp(tied);
        write(tied, weights -> rename(weights, EMBEDDING, HEAD));
        expect(expected, true, List.of());
        write(tied, weights -> weights.add(renamed(find(weights, EMBEDDING), HEAD)));
        expect(expected, true, List.of());
    }

    @Test
    void twoEqualMatricesOfTwoTypesAreOne() throws IOException {
        write(tied, weights -> {
            Tensor rounded = bfloat16(find(weights, EMBEDDING));
            weights.removeIf(tensor -> tensor.name().equals(EMBEDDING));
            weights.add(rounded);
            weights.add(renamed(float32(rounded), HEAD));
        });
        try (ModelFiles files = ModelFiles.open(directory)) {
            assertThat(files.config().shape().tieEmbeddings()).isTrue();
        }
    }

    @Test
    void aHeadThatDiffersIsNotTiedAndSaysSo() throws IOException {
        write(tied, weights -> {
            Tensor head = copy(find(weights, EMBEDDING), HEAD);
            head.data().setAtIndex(ValueLayout.JAVA_FLOAT, 3, 1.5F);
            weights.add(head);
        });
        try (ModelFiles files = ModelFiles.open(directory)) {
            assertThat(files.config().shape().tieEmbeddings()).isFalse();
            assertThat(files.notes())
                    .singleElement()
                    .asString()
                    .startsWith(directory.resolve("config.json") + " says \"tie_word_embeddings\": true, but ")
                    .contains("the two are not tied, as in transformers");
            assertThat(logp(files)).isNotEqualTo(logp(tied));
        }
    }

    /** What is saved of it says what it is, in words that every version of transformers reads alike. */
    @Test
    void whatIsSavedOfAnOddCheckpointIsAPlainOne() throws IOException {
        write(tied, weights -> {
            Tensor head = copy(find(weights, EMBEDDING), HEAD);
            head.data().setAtIndex(ValueLayout.JAVA_FLOAT, 3, 1.5F);
            weights.add(head);
            weights.add(renamed(find(weights, "model.norm.weight"), "left.over"));
            weights.replaceAll(tensor -> renamed(tensor, tensor.name().replace("model.", "")));
        });
        Path saved = Files.createDirectory(directory.resolve("saved"));
        double before;
        try (PretrainedModel model = PretrainedModel.load(
                ModelSource.of(directory, UnaryOperator.identity()), ComputeType.FLOAT32, Device.CPU, 0)) {
            before = logp(model.core());
            assertThat(model.notes()).hasSize(2);
            model.save(
                    saved,
                    Optional.empty(),
                    model.core().parameters(),
                    new Narrowing(WeightFormat.nearest(WeightType.FLOAT32), List.of()));
        }
        assertThat(JsonFile.read(saved.resolve("config.json"))
                        .get("tie_word_embeddings")
                        .booleanValue())
                .isFalse();
        try (ModelFiles files = ModelFiles.open(saved)) {
            assertThat(files.notes()).isEmpty();
            assertThat(files.tensors())
                    .extracting(Checkpoint.Parameter::name)
                    .contains(HEAD, EMBEDDING)
                    .doesNotContain("left.over");
            assertThat(logp(files)).isEqualTo(before);
        }
    }

    @Test
    void aModelWithoutAHeadIsRefusedWithTheMend() throws IOException {
        write(untied, weights -> weights.removeIf(tensor -> tensor.name().equals(HEAD)));
        assertRefused("holds no lm_head.weight", "transformers would begin the head at random", "set the key to true");
    }

    @Test
    void namesWithoutThePrefixOrWithItTwiceAreTheSame() throws IOException {
        double expected = logp(untied);
        write(
                untied,
                weights -> weights.replaceAll(
                        tensor -> renamed(tensor, tensor.name().replace("model.", ""))));
        expect(expected, false, List.of());
        write(untied, weights -> weights.replaceAll(tensor -> renamed(tensor, "model." + tensor.name())));
        expect(expected, false, List.of());
    }

    @Test
    void whatBelongsToNoParameterIsLeftOutAndSaid() throws IOException {
        write(untied, weights -> {
            Tensor norm = find(weights, "model.norm.weight");
            weights.add(renamed(norm, "model.layers.0.self_attn.rotary_emb.inv_freq"));
            weights.add(renamed(norm, "model.layers.0.self_attn.q_proj.bias"));
            weights.add(renamed(norm, "model.layers.3.input_layernorm.weight"));
            weights.add(new Tensor("score", new long[] {64}, "U8", arena.allocate(64)));
        });
        expect(
                logp(untied),
                false,
                List.of(directory
                        + ": 3 tensors belong to no parameter of this model and are left out, as transformers does:"
                        + " model.layers.0.self_attn.q_proj.bias, model.layers.3.input_layernorm.weight, score"));
    }

    @Test
    void namesOfATrainingWrapperAreRefusedWithTheMend() throws IOException {
        for (String wrapper : List.of("_orig_mod.", "module.", "_fsdp_wrapped_module.", "base_model.model.")) {
            write(tied, weights -> weights.replaceAll(tensor -> renamed(tensor, wrapper + tensor.name())));
            assertRefused(wrapper, " is wanted", "save_pretrained, or rename the tensors");
        }
        write(
                tied,
                weights -> weights.replaceAll(
                        tensor -> renamed(tensor, tensor.name().replaceFirst("(layers\\.\\d+)\\.", "$1._orig_mod."))));
        assertRefused("model.layers.0._orig_mod.");
    }

    @Test
    void aTensorInTwoShardsIsTheLastFiles() throws IOException {
        write(tied, weights -> {});
        Files.delete(directory.resolve("model.safetensors"));
        List<Tensor> weights = new ArrayList<>(tied.weights());
        Tensor norm = copy(find(weights, "model.norm.weight"), "model.norm.weight");
        norm.data().fill((byte) 0);
        SafetensorsWriter.writeFile(directory.resolve("a.safetensors"), List.of(norm), Map.of());
        SafetensorsWriter.writeFile(directory.resolve("b.safetensors"), weights, Map.of());
        ObjectNode index = JsonFile.MAPPER.createObjectNode();
        index.putObject("weight_map").put("x", "a.safetensors").put("y", "b.safetensors");
        Files.writeString(directory.resolve("model.safetensors.index.json"), index.toString());
        try (ModelFiles files = ModelFiles.open(directory)) {
            assertThat(logp(files)).isEqualTo(logp(tied));
            assertThat(files.notes()).anyMatch(note -> note.contains("1 tensors are stored more than once"));
        }
    }

    private void write(ModelFiles source, Consumer<List<Tensor>> change) throws IOException {
        Files.deleteIfExists(directory.resolve("model.safetensors"));
        Path config = SharedFiles.path(
                "golden/tiny_llama/" + (source == tied ? "tied" : "untied_llama3_rope") + "/config.json");
        Files.writeString(directory.resolve("config.json"), Files.readString(config));
        List<Tensor> weights = new ArrayList<>(source.weights());
        change.accept(weights);
        SafetensorsWriter.writeFile(directory.resolve("model.safetensors"), weights, Map.of());
    }

    private void expect(double logp, boolean isTied, List<String> notes) {
        try (ModelFiles files = ModelFiles.open(directory)) {
            assertThat(files.config().shape().tieEmbeddings()).isEqualTo(isTied);
            assertThat(files.notes()).isEqualTo(notes);
            assertThat(logp(files)).isEqualTo(logp);
        }
    }

    private void assertRefused(String... messages) {
        assertThatThrownBy(() -> ModelFiles.open(directory))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining(directory.toString())
                .hasMessageContainingAll(messages)
                .extracting(e -> ((MmpoException) e).kind())
                .isEqualTo(MmpoException.Kind.DATA);
    }

    private static double logp(ModelFiles files) {
        try (NativeModel model = files.load(ComputeType.FLOAT32)) {
            return logp(model);
        }
    }

    private static double logp(NativeModel model) {
        return model.logps(PackedBatch.of(
                List.of(new int[] {1, 5, 9, 44}), List.<int[][]>of(new int[][] {{100, 7, 8, 0, 3, 2}})))[0];
    }

    private static Tensor find(List<Tensor> weights, String name) {
        return weights.stream()
                .filter(tensor -> tensor.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static void rename(List<Tensor> weights, String from, String to) {
        weights.replaceAll(tensor -> tensor.name().equals(from) ? renamed(tensor, to) : tensor);
    }

    private static Tensor renamed(Tensor tensor, String name) {
        return new Tensor(name, tensor.shape(), tensor.dtype(), tensor.data());
    }

    private Tensor copy(Tensor tensor, String name) {
        MemorySegment data = arena.allocate(tensor.data().byteSize(), 8).copyFrom(tensor.data());
        return new Tensor(name, tensor.shape(), tensor.dtype(), data);
    }

    /** Cut to the upper half of every number. */
    private Tensor bfloat16(Tensor tensor) {
        MemorySegment data = arena.allocate(tensor.data().byteSize() / 2, 8);
        for (long i = 0; i < tensor.numElements(); i++) {
            data.setAtIndex(
                    ValueLayout.JAVA_SHORT, i, (short) (tensor.data().getAtIndex(ValueLayout.JAVA_INT, i) >>> 16));
        }
        return new Tensor(tensor.name(), tensor.shape(), "BF16", data);
    }

    private Tensor float32(Tensor tensor) {
        MemorySegment data = arena.allocate(tensor.data().byteSize() * 2, 8);
        for (long i = 0; i < tensor.numElements(); i++) {
            data.setAtIndex(ValueLayout.JAVA_INT, i, tensor.data().getAtIndex(ValueLayout.JAVA_SHORT, i) << 16);
        }
        return new Tensor(tensor.name(), tensor.shape(), "F32", data);
    }
}

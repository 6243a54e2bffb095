package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.SharedFiles;
import io.mmpo.files.JsonFile;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.ComputeType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelFilesTest {
    private static final long SHARD_BYTES = 200_000;

    @TempDir
    Path directory;

    private Path golden;

    @BeforeEach
    void findGolden() {
        golden = SharedFiles.path("golden/tiny_llama/tied");
    }

    @Test
    void shardsAndOneFileGiveTheSameWeights() throws IOException {
        writeSharded();
        try (ModelFiles one = ModelFiles.open(golden);
                ModelFiles sharded = ModelFiles.open(directory)) {
            assertThat(sharded.config()).isEqualTo(one.config());
            assertThat(sharded.weights()).hasSameSizeAs(one.weights()).hasSizeGreaterThan(20);
            for (Tensor expected : one.weights()) {
                Tensor found = sharded.weights().stream()
                        .filter(w -> w.name().equals(expected.name()))
                        .findFirst()
                        .orElseThrow();
                assertThat(found.shape()).isEqualTo(expected.shape());
                assertThat(found.data().mismatch(expected.data())).isEqualTo(-1);
            }
        }
    }

    @Test
    void closingEndsTheWeights() {
        ModelFiles files = ModelFiles.open(golden);
        Tensor first = files.weights().getFirst();
        files.close();
        files.close();
        assertThatThrownBy(() -> first.data().asByteBuffer().get()).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void withoutWeightsItSaysWhatIsWanted() throws IOException {
        Files.copy(golden.resolve("config.json"), directory.resolve("config.json"));
        assertRefused("holds neither model.safetensors nor model.safetensors.index.json");
    }

    @Test
    void anIndexMayNotLeaveTheDirectory() throws IOException {
        for (String name :
                List.of("../x.safetensors", "/etc/x.safetensors", "a/x.safetensors", "..\\\\x.safetensors", "x.bin")) {
            writeSharded();
            changeIndex(map -> map.put("model.norm.weight", name));
            assertRefused("a name of a .safetensors file beside the index is wanted");
        }
    }

    /** As transformers: the index names files, and the files say what they hold. */
    @Test
    void aStaleIndexChangesNothingButANote() throws IOException {
        writeSharded();
        changeIndex(map -> {
            map.put("model.extra.weight", "model-00001-of-00004.safetensors");
            map.remove("model.norm.weight");
        });
        try (ModelFiles one = ModelFiles.open(golden);
                ModelFiles stale = ModelFiles.open(directory)) {
            assertThat(stale.tensors()).hasSameSizeAs(one.tensors());
            assertThat(stale.notes())
                    .containsExactly(directory.resolve("model.safetensors.index.json")
                            + " and its files disagree about 2 tensors (model.norm.weight, model.extra.weight): what the files"
                            + " hold is read, as transformers does");
        }
        changeIndex(map -> map.put("model.norm.weight", "model-00009-of-00004.safetensors"));
        assertRefused("model-00009-of-00004.safetensors for tensor model.norm.weight, and there is no such file");
        changeIndex(map -> map.put("model.norm.weight", 3));
        assertRefused("tensor model.norm.weight is said to be in 3");
        Files.writeString(directory.resolve("model.safetensors.index.json"), "{}");
        assertRefused("has no key \"weight_map\"");
    }

    @Test
    void oneFileGoesBeforeAnIndex() throws IOException {
        writeSharded();
        changeIndex(map -> map.put("model.norm.weight", "nowhere.safetensors"));
        Files.copy(golden.resolve("model.safetensors"), directory.resolve("model.safetensors"));
        try (ModelFiles files = ModelFiles.open(directory)) {
            assertThat(files.weightFiles()).containsExactly(directory.resolve("model.safetensors"));
            assertThat(files.notes()).singleElement().asString().contains("the index beside it");
        }
    }

    @Test
    void whatIsThereInsteadOfSafetensorsIsNamedWithItsMend() throws IOException {
        Files.copy(golden.resolve("config.json"), directory.resolve("config.json"));
        Files.createFile(directory.resolve("pytorch_model.bin"));
        assertRefused("but pytorch_model.bin, which mmpo does not read");
        assertRefused("M.from_pretrained('" + directory + "').save_pretrained(");
        Files.createFile(directory.resolve("model-00001-of-00002.safetensors"));
        assertRefused("Shards need their index");
    }

    @Test
    void refusesOtherTypesAndShapesOfParameters() throws IOException {
        writeByHand("{\"model.norm.weight\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}");
        assertRefused("tensor model.norm.weight has the dtype I64; F32, BF16 or F16 is wanted");
        writeByHand("{\"model.norm.weight\":{\"dtype\":\"F32\",\"shape\":[2,1,1],\"data_offsets\":[0,8]}}");
        assertRefused("tensor model.norm.weight has 3 dimensions");
        writeByHand("{\"model.rotary_emb.inv_freq\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]}}");
        try (ModelFiles files = ModelFiles.open(directory)) {
            assertThat(files.weights()).isEmpty();
            assertThat(files.notes()).isEmpty();
        }
    }

    @Test
    void whatTheCoreRefusesIsSaidOfTheFile() throws IOException {
        try (ModelFiles files = ModelFiles.open(golden);
                Arena arena = Arena.ofConfined()) {
            List<Tensor> weights = new ArrayList<>(files.weights());
            Tensor norm = weights.stream()
                    .filter(w -> w.name().equals("model.norm.weight"))
                    .findFirst()
                    .orElseThrow();
            weights.remove(norm);
            PretrainedWriter.write(directory, golden, weights);
            assertNotLoaded(directory + " does not fit config.json", "weight 'model.norm.weight' [64] is missing");

            Path file = directory.resolve("model.safetensors");
            Tensor nan = new Tensor(
                    norm.name(), norm.shape(), "F32", arena.allocate(256, 4).copyFrom(norm.data()));
            nan.data().set(ValueLayout.JAVA_FLOAT, 8, Float.NaN);
            weights.add(nan);
            rewrite(file, weights);
            assertNotLoaded(
                    file + " does not fit config.json", "weight 'model.norm.weight' holds a value that is not finite");

            weights.set(weights.size() - 1, new Tensor(norm.name(), new long[] {8, 8}, "F32", norm.data()));
            rewrite(file, weights);
            assertNotLoaded(file + " does not fit config.json", "weight 'model.norm.weight' has shape [8, 8]");
        }
    }

    private static void rewrite(Path file, List<Tensor> weights) throws IOException {
        Files.delete(file);
        SafetensorsWriter.writeFile(file, weights, Map.of());
    }

    @ParameterizedTest
    @ValueSource(strings = {"num_hidden_layers", "intermediate_size", "vocab_size"})
    void sizesBeyondReasonAreThoseOfTheFilesAndNotOfTheMemory(String key) throws IOException {
        try (ModelFiles files = ModelFiles.open(golden)) {
            PretrainedWriter.write(directory, golden, files.weights());
        }
        Path config = directory.resolve("config.json");
        Files.writeString(
                config, JsonFile.read(config).put(key, Integer.MAX_VALUE).toString());
        assertNotLoaded("config.json");
    }

    private void assertNotLoaded(String... messages) {
        try (ModelFiles files = ModelFiles.open(directory)) {
            assertThatThrownBy(() -> files.load(ComputeType.FLOAT32))
                    .isInstanceOf(MmpoException.class)
                    .hasMessageContainingAll(messages)
                    .extracting(e -> ((MmpoException) e).kind())
                    .isEqualTo(MmpoException.Kind.DATA);
        }
    }

    private void assertRefused(String message) {
        assertThatThrownBy(() -> ModelFiles.open(directory))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining(directory.toString())
                .hasMessageContaining(message)
                .extracting(e -> ((MmpoException) e).kind())
                .isEqualTo(MmpoException.Kind.DATA);
    }

    private void writeSharded() throws IOException {
        try (var files = Files.list(directory)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        try (ModelFiles files = ModelFiles.open(golden)) {
            PretrainedWriter.write(directory, golden, files.weights(), TensorForm.UNCHANGED, SHARD_BYTES);
        }
        assertThat(directory.resolve("model-00004-of-00004.safetensors")).exists();
    }

    private void changeIndex(Consumer<ObjectNode> change) throws IOException {
        Path file = directory.resolve("model.safetensors.index.json");
        ObjectNode index = JsonFile.read(file);
        change.accept((ObjectNode) index.get("weight_map"));
        Files.writeString(file, index.toString());
    }

    private void writeByHand(String header) throws IOException {
        Path config = directory.resolve("config.json");
        if (!Files.exists(config)) {
            Files.copy(golden.resolve("config.json"), config);
        }
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        byte[] file = new byte[8 + json.length + 8];
        file[0] = (byte) json.length;
        System.arraycopy(json, 0, file, 8, json.length);
        Files.write(directory.resolve("model.safetensors"), file);
    }
}

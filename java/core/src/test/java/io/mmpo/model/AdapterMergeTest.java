package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.files.AtomicDirectory;
import io.mmpo.files.JsonFile;
import io.mmpo.model.AdapterMerge.Options;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.RoundingLoss;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.WeightType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdapterMergeTest {
    @TempDir
    Path directory;

    private GoldenAdapter golden;
    private Path target;

    @BeforeEach
    void copyAdapter() throws IOException {
        golden = GoldenAdapter.copyTo(directory.resolve("adapter"));
        target = directory.resolve("merged");
    }

    @Test
    void aFloat32ModelLosesNothing() throws IOException {
        AdapterMerge.Result result = merge(golden.model(), Options.DEFAULT);
        assertThat(result.mergedWeights()).isEqualTo(21);
        assertThat(result.maxDifference()).isLessThan(1e-5);
        assertThat(AtomicDirectory.isValid(target)).isTrue();
        assertThat(target.toFile().list())
                .containsExactlyInAnyOrder("config.json", "model.safetensors", "manifest.json");
        assertThat(Files.readAllBytes(target.resolve("config.json")))
                .isEqualTo(Files.readAllBytes(golden.model().resolve("config.json")));
        try (ModelFiles base = ModelFiles.open(golden.model());
                ModelFiles merged = ModelFiles.open(target)) {
            assertThat(changed(base, merged)).hasSize(21).allMatch(name -> name.endsWith("_proj.weight"));
        }
    }

    @Test
    void shardsAndTypeAreTheModels() throws IOException {
        Path sharded = shardedInBfloat16();
        AdapterMerge.Result result = merge(sharded, Options.DEFAULT);
        assertThat(result.maxDifference()).isBetween(1e-4, 0.2);
        assertThat(target.toFile().list()).hasSizeGreaterThan(4);
        for (String name : sharded.toFile().list()) {
            assertThat(target.resolve(name)).exists();
        }
        try (ModelFiles base = ModelFiles.open(sharded);
                ModelFiles merged = ModelFiles.open(target)) {
            assertThat(merged.weights()).extracting(Tensor::dtype).containsOnly("BF16");
            assertThat(changed(base, merged)).hasSize(21);
        }
    }

    /** The weights of the merged float32 model and of the bfloat16 base are as far apart as the adapter has it. */
    @Test
    void intoFloat32NothingOfTheAdapterIsLost() throws IOException {
        Path sharded = shardedInBfloat16();
        AdapterMerge.Result result = merge(sharded, into(WeightType.FLOAT32, false, 0));
        assertThat(result.type()).isEqualTo(WeightType.FLOAT32);
        assertThat(result.loss()).isEqualTo(RoundingLoss.NONE);
        assertThat(result.maxDifference()).isLessThan(1e-5);
        assertThat(JsonFile.read(target.resolve("config.json")).get("dtype").asText())
                .isEqualTo("float32");
        assertThat(JsonFile.read(target.resolve("model.safetensors.index.json"))
                        .at("/metadata/total_size")
                        .asLong())
                .isEqualTo(2
                        * JsonFile.read(sharded.resolve("model.safetensors.index.json"))
                                .at("/metadata/total_size")
                                .asLong());
        assertThat(SafetensorsIndex.read(target.resolve("model.safetensors.index.json"))
                        .weightMap())
                .isEqualTo(SafetensorsIndex.read(sharded.resolve("model.safetensors.index.json"))
                        .weightMap());
        try (ModelFiles merged = ModelFiles.open(target)) {
            assertThat(merged.weights()).extracting(Tensor::dtype).containsOnly("F32");
        }
    }

    @Test
    void whatRoundingLeavesOfTheAdapterIsCounted() throws IOException {
        golden.change(config -> config.put("lora_alpha", 0.02)); // a small update
        RoundingLoss loss = merge(shardedInBfloat16(), Options.DEFAULT).loss();
        try (ModelFiles base = ModelFiles.open(golden.model())) {
            assertThat(loss.weights())
                    .isEqualTo(base.weights().stream()
                            .filter(weight -> weight.name().endsWith("_proj.weight"))
                            .mapToLong(Tensor::numElements)
                            .sum());
        }
        assertThat(loss.moved()).isGreaterThan((long) (0.95 * loss.weights()));
        assertThat(loss.keptShare()).isBetween(0.0001, 0.5);
        assertThat(loss.isLarge()).isTrue();
    }

    @Test
    void roundingByChanceRepeatsForASeedAndKeepsTheUpdateInTheMean() throws IOException {
        Path sharded = shardedInBfloat16();
        AdapterMerge.Result one = merge(sharded, into(WeightType.BFLOAT16, true, 7));
        assertThat(one.loss().normRatio()).isGreaterThan(1);
        Path shard = target.resolve("model-00002-of-" + countOf(sharded) + ".safetensors");
        byte[] first = Files.readAllBytes(shard);
        AtomicDirectory.remove(target);
        merge(sharded, into(WeightType.BFLOAT16, true, 7));
        assertThat(Files.readAllBytes(shard)).isEqualTo(first);
        AtomicDirectory.remove(target);
        merge(sharded, into(WeightType.BFLOAT16, true, 8));
        assertThat(Files.readAllBytes(shard)).isNotEqualTo(first);
    }

    private static String countOf(Path sharded) {
        return String.format("%05d", sharded.toFile().list((parent, name) -> name.endsWith(".safetensors")).length);
    }

    private Path shardedInBfloat16() throws IOException {
        Path sharded = Files.createDirectory(directory.resolve("base"));
        try (ModelFiles files = ModelFiles.open(golden.model());
                NativeModel model = files.load(ComputeType.BFLOAT16)) {
            PretrainedWriter.write(sharded, golden.model(), model.parameters(), TensorForm.UNCHANGED, 100_000);
        }
        return sharded;
    }

    @Test
    void aDifferenceAboveTheToleranceLeavesNothing() {
        assertThatThrownBy(() -> merge(golden.model(), tolerance(1e-12)))
                .hasMessageContaining("is not what the model with its adapter is");
        assertThat(directory.toFile().list()).containsExactly("adapter");
    }

    @Test
    void anotherModelsAdapterOrAnExistingDirectoryIsRefused() throws IOException {
        Files.createDirectory(target);
        assertThatThrownBy(() -> merge(golden.model(), Options.DEFAULT)).hasMessageContaining("exists already");
        Files.delete(target);
        golden.change(config -> config.put("r", 5));
        assertThatThrownBy(() -> merge(golden.model(), Options.DEFAULT)).hasMessageContaining("asks for");
        assertThat(directory.toFile().list()).containsExactly("adapter");
    }

    private AdapterMerge.Result merge(Path model, Options options) {
        return AdapterMerge.run(ModelSource.of(model, golden.directory(), UnaryOperator.identity()), target, options);
    }

    private static Options tolerance(double nats) {
        return new Options(Optional.empty(), false, 0, OptionalDouble.of(nats));
    }

    private static Options into(WeightType type, boolean stochastic, long seed) {
        return new Options(Optional.of(type), stochastic, seed, OptionalDouble.empty());
    }

    private static List<String> changed(ModelFiles base, ModelFiles merged) {
        return base.weights().stream()
                .filter(weight -> merged.weights().stream()
                        .noneMatch(other -> other.name().equals(weight.name())
                                && other.data().mismatch(weight.data()) == -1))
                .map(Tensor::name)
                .toList();
    }
}

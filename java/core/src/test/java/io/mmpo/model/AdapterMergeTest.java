package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.files.AtomicDirectory;
import io.mmpo.nativelib.ComputeType;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.Weights;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
        AdapterMerge.Result result = merge(golden.model(), Double.NaN);
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
        Path sharded = Files.createDirectory(directory.resolve("base"));
        try (ModelFiles files = ModelFiles.open(golden.model());
                NativeModel model = files.load(ComputeType.BFLOAT16)) {
            PretrainedWriter.write(sharded, golden.model(), model.parameters(), 100_000);
        }
        AdapterMerge.Result result = merge(sharded, Double.NaN);
        assertThat(result.maxDifference()).isBetween(1e-4, 0.2);
        assertThat(target.toFile().list()).hasSizeGreaterThan(4);
        for (String name : sharded.toFile().list()) {
            assertThat(target.resolve(name)).exists();
        }
        try (ModelFiles base = ModelFiles.open(sharded);
                ModelFiles merged = ModelFiles.open(target)) {
            assertThat(merged.weights()).extracting(Weights::dtype).containsOnly("BF16");
            assertThat(changed(base, merged)).hasSize(21);
        }
    }

    @Test
    void aDifferenceAboveTheToleranceLeavesNothing() {
        assertThatThrownBy(() -> merge(golden.model(), 1e-12))
                .hasMessageContaining("is not what the model with its adapter is");
        assertThat(directory.toFile().list()).containsExactly("adapter");
    }

    @Test
    void anotherModelsAdapterOrAnExistingDirectoryIsRefused() throws IOException {
        Files.createDirectory(target);
        assertThatThrownBy(() -> merge(golden.model(), 1)).hasMessageContaining("exists already");
        Files.delete(target);
        golden.change(config -> config.put("r", 5));
        assertThatThrownBy(() -> merge(golden.model(), 1)).hasMessageContaining("asks for");
        assertThat(directory.toFile().list()).containsExactly("adapter");
    }

    private AdapterMerge.Result merge(Path model, double tolerance) {
        return AdapterMerge.run(ModelSource.of(model, golden.directory(), UnaryOperator.identity()), target, tolerance);
    }

    private static List<String> changed(ModelFiles base, ModelFiles merged) {
        return base.weights().stream()
                .filter(weight -> merged.weights().stream()
                        .noneMatch(other -> other.name().equals(weight.name())
                                && other.data().mismatch(weight.data()) == -1))
                .map(Weights::name)
                .toList();
    }
}

package io.mmpo.quickstart;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.mmpo.model.ModelFiles;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.PackedBatch;
import io.mmpo.spec.ComputeType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RandomLlamaTest {
    private static final RandomLlama.Shape SHAPE = new RandomLlama.Shape(32, 64, 2, 4, 2);

    @TempDir
    Path directory;

    @Test
    void aSeedDecidesEveryWeight() throws IOException {
        Path first = write("first", 1);
        assertThat(Files.mismatch(first, write("same", 1))).isEqualTo(-1);
        assertThat(Files.mismatch(first, write("other", 2))).isNotEqualTo(-1);
    }

    private Path write(String name, long seed) throws IOException {
        Path target = Files.createDirectory(directory.resolve(name));
        RandomLlama.write(target, SHAPE, 100, seed);
        return target.resolve("model.safetensors");
    }

    /** Small weights make every token about equally likely: −log(1/100) = 4.6 nats a token. */
    @Test
    void theCoreLoadsItAndItKnowsNothingYet() {
        long parameters = RandomLlama.write(directory, SHAPE, 100, 3);
        try (ModelFiles files = ModelFiles.open(directory);
                NativeModel model = files.load(ComputeType.FLOAT32)) {
            assertThat(parameters).isEqualTo(files.config().shape().numParameters());
            double[] logps = model.logps(PackedBatch.of(
                    List.of(new int[] {5, 6}), List.<int[][]>of(new int[][] {{7, 8, 9, 10}})));
            assertThat(logps[0] / 4).isCloseTo(-Math.log(100), within(0.1));
        }
    }
}

package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.SharedFiles;
import io.mmpo.nativelib.NativeModel;
import io.mmpo.nativelib.StoredTensor;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Another process cuts a file that is open: an address in a mapping of it would end the JVM with SIGBUS. */
class CutFileTest {
    @TempDir
    Path directory;

    private Path weights;

    @BeforeEach
    void copyModel() throws IOException {
        Path golden = SharedFiles.path("golden/tiny_llama/tied");
        Files.copy(golden.resolve("config.json"), directory.resolve("config.json"));
        weights = directory.resolve("model.safetensors");
        Files.copy(golden.resolve("model.safetensors"), weights);
    }

    @Test
    void aFileCutBeforeItIsReadIsNamed() throws Exception {
        try (ModelFiles files = ModelFiles.open(directory)) {
            truncate(4096);
            assertCut(() -> files.load(ComputeType.FLOAT32));
            assertCut(files::weights);
        }
    }

    /** In the middle of the core's reading, at ten different tensors. */
    @Test
    void aFileCutWhileTheCoreReadsItIsNamed() throws Exception {
        for (int moment = 0; moment < 10; moment++) {
            Files.copy(
                    SharedFiles.path("golden/tiny_llama/tied/model.safetensors"),
                    weights,
                    StandardCopyOption.REPLACE_EXISTING);
            try (ModelFiles files = ModelFiles.open(directory)) {
                List<CutAt> tensors = files.tensors().stream().map(CutAt::new).toList();
                tensors.get(2 * moment).cut = true;
                assertCut(() -> NativeModel.load(files.config().shape(), tensors, ComputeType.BFLOAT16, Device.CPU)
                        .close());
            }
        }
    }

    /** Cuts the file to its header just before it is read. */
    private final class CutAt implements StoredTensor {
        private final StoredTensor tensor;
        private boolean cut;

        CutAt(StoredTensor tensor) {
            this.tensor = tensor;
        }

        @Override
        public String name() {
            return tensor.name();
        }

        @Override
        public long[] shape() {
            return tensor.shape();
        }

        @Override
        public String dtype() {
            return tensor.dtype();
        }

        @Override
        public void read(long offset, MemorySegment target) {
            try {
                if (cut) {
                    truncate(4096);
                }
            } catch (IOException | InterruptedException e) {
                throw new AssertionError(e);
            }
            tensor.read(offset, target);
        }
    }

    private void truncate(long bytes) throws IOException, InterruptedException {
        int status = new ProcessBuilder("truncate", "-s", Long.toString(bytes), weights.toString())
                .inheritIO()
                .start()
                .waitFor();
        assertThat(status).isZero();
    }

    private void assertCut(org.assertj.core.api.ThrowableAssert.ThrowingCallable reading) {
        assertThatThrownBy(reading)
                .isInstanceOf(MmpoException.class)
                .hasMessageStartingWith(weights + " was cut while it was read: byte ")
                .hasMessageContaining("the file now ends at byte 4096")
                .extracting(e -> ((MmpoException) e).kind())
                .isEqualTo(MmpoException.Kind.DATA);
    }
}

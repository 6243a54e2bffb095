package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.files.AtomicDirectory;
import io.mmpo.nativelib.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FiniteWeightsTest {
    @TempDir
    Path directory;

    @Test
    void infinityAndNaNAreCountedInEveryType() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment floats =
                    arena.allocateFrom(ValueLayout.JAVA_FLOAT, 1, Float.NaN, Float.MAX_VALUE, Float.NEGATIVE_INFINITY);
            assertThat(FiniteWeights.countNonFinite(new Tensor("a", new long[] {4}, "F32", floats)))
                    .isEqualTo(2);
            short[] bfloat16 = {0x3f80, 0x7f7f, 0x7f80, (short) 0xff80, 0x7fc0};
            assertThat(countShorts("BF16", arena.allocateFrom(ValueLayout.JAVA_SHORT, bfloat16)))
                    .isEqualTo(3);
            short[] float16 = {0x3c00, 0x7bff, 0x7c00, (short) 0xfc00, 0x7e00};
            assertThat(countShorts("F16", arena.allocateFrom(ValueLayout.JAVA_SHORT, float16)))
                    .isEqualTo(3);
        }
    }

    private static long countShorts(String dtype, MemorySegment data) {
        return FiniteWeights.countNonFinite(new Tensor("a", new long[] {5}, dtype, data));
    }

    @Test
    void aTensorIsLookedAtToItsEnd() {
        long size = (1 << 20) + 3;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment floats = arena.allocate(ValueLayout.JAVA_FLOAT, size);
            Tensor tensor = new Tensor("layer.weight", new long[] {size}, "F32", floats);
            assertThatCode(() -> FiniteWeights.require(List.of(tensor), "final"))
                    .doesNotThrowAnyException();
            floats.setAtIndex(ValueLayout.JAVA_FLOAT, size - 1, Float.NaN);
            assertThatThrownBy(() -> FiniteWeights.require(List.of(tensor), "final"))
                    .hasMessageContaining(
                            "final was not written: 1 of the 1,048,579 values of the trained tensor layer.weight");
        }
    }

    /** The losses of a run are those before its updates: what the last one did, none has shown. */
    @Test
    void aLastUpdateThatSpoilsTheWeightsIsNotSaved() throws IOException {
        Path rows = GoldenRun.writeRows(directory);
        Path output = directory.resolve("run");
        Map<String, Object> keys = Map.of(
                "max_steps",
                2,
                "save_strategy",
                "steps",
                "save_steps",
                1,
                "lr_scheduler_type",
                "linear",
                "warmup_steps",
                1,
                "learning_rate",
                1e39);
        assertThatThrownBy(() -> Trainer.run(GoldenRun.config(rows, output, keys), ProgressListener.silent()))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.TRAINING))
                .hasMessageContaining("checkpoint-2 was not written")
                .hasMessageContaining("model.embed_tokens.weight");
        assertThat(output.toFile().list()).containsExactlyInAnyOrder("config.yaml", "metrics.jsonl", "checkpoint-1");
        assertThat(AtomicDirectory.problem(output.resolve("checkpoint-1"))).isEmpty();
    }
}

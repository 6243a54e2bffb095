package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class TensorTest {
    @Test
    void isWhatItsBytesAllow() {
        MemorySegment data = Arena.ofAuto().allocate(24);
        long[] shape = {3, 2};
        Tensor tensor = new Tensor("w", shape, "F32", data);
        assertThat(tensor.numElements()).isEqualTo(6);
        shape[0] = 4;
        assertThat(tensor.shape()).containsExactly(3, 2);
        assertThatThrownBy(() -> new Tensor("w", new long[] {3, 3}, "F32", data))
                .hasMessage("tensor w needs 36 bytes, got 24");
        assertThatThrownBy(() -> new Tensor("w", new long[] {-3, -2}, "F32", data))
                .hasMessage("tensor w has a negative size in its shape");
        assertThatThrownBy(() -> new Tensor("w", new long[] {24}, "I8", data))
                .hasMessage("a tensor must be F32, BF16, F16 or U8, got I8");
        assertThatThrownBy(() -> new Tensor("w", new long[] {1}, "F32", MemorySegment.ofArray(new byte[4])))
                .hasMessage("tensor w must lie in native memory, its data is on the Java heap");
    }
}

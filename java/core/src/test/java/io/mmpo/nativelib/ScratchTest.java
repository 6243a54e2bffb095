package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;

class ScratchTest {
    @Test
    void givesTheSameMemoryToCallAfterCall() {
        try (Scratch scratch = new Scratch()) {
            long first = scratch.allocate(100, 1).address();
            scratch.reset();
            assertThat(scratch.allocate(200, 1).address()).isEqualTo(first);
        }
    }

    @Test
    void growsToTheLargestCallAndStaysThere() {
        try (Scratch scratch = new Scratch()) {
            MemorySegment small = scratch.allocate(1000, 8);
            MemorySegment large = scratch.allocate(1_000_000, 8);
            small.set(ValueLayout.JAVA_LONG, 0, 1); // both are valid until the reset
            large.fill((byte) 2);
            assertThat(small.get(ValueLayout.JAVA_LONG, 0)).isEqualTo(1);
            scratch.reset();
            assertThatThrownBy(() -> large.get(ValueLayout.JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
            long address = scratch.allocate(1_001_000, 8).address();
            for (int i = 0; i < 10; i++) {
                scratch.reset();
                assertThat(scratch.allocate(1_001_000, 8).address()).isEqualTo(address);
            }
        }
    }

    @Test
    void segmentsAreAlignedAndApart() {
        try (Scratch scratch = new Scratch()) {
            MemorySegment bytes = scratch.allocate(3, 1);
            MemorySegment doubles = scratch.allocate(ValueLayout.JAVA_DOUBLE, 4);
            assertThat(doubles.address() % 8).isZero();
            assertThat(doubles.address()).isGreaterThanOrEqualTo(bytes.address() + 3);
        }
    }
}

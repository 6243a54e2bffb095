package io.mmpo.shard;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.nativelib.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Parts of arrays that three ranks wrote, read by others. */
class StateShardsTest {
    @TempDir
    Path directory;

    private final Arena memory = Arena.ofConfined();

    @BeforeEach
    void write() {
        // "a" of ten elements in parts of 4, 5 and 1; "b" whole, of rank 1 alone.
        StateShards.write(StateShards.file(directory, "state", 0), List.of(part("a", 0, 0, 1, 2, 3)));
        StateShards.write(
                StateShards.file(directory, "state", 1), List.of(part("b", 0, 20, 21), part("a", 4, 4, 5, 6, 7, 8)));
        StateShards.write(StateShards.file(directory, "state", 2), List.of(part("a", 9, 9)));
    }

    @AfterEach
    void free() {
        memory.close();
    }

    private StateShards.Part part(String name, long begin, float... values) {
        MemorySegment data = memory.allocateFrom(ValueLayout.JAVA_FLOAT, values);
        return new StateShards.Part(new Tensor(name, new long[] {values.length}, "F32", data), begin);
    }

    @Test
    void givesAnyElements() {
        try (StateShards shards = StateShards.open(directory, "state")) {
            assertThat(shards.names()).containsExactlyInAnyOrder("a", "b");
            assertThat(shards.numElements("a")).isEqualTo(10);
            assertThat(shards.dtype("a")).contains("F32");
            assertThat(shards.shape("a")).isEmpty();
            assertThat(shards.shape("b"))
                    .hasValueSatisfying(shape -> assertThat(shape).containsExactly(2));
            for (int begin = 0; begin < 10; begin++) {
                for (int end = begin + 1; end <= 10; end++) {
                    MemorySegment target = memory.allocate(ValueLayout.JAVA_FLOAT, end - begin);
                    assertThat(shards.read("a", begin, target)).isTrue();
                    for (int i = begin; i < end; i++) {
                        assertThat(target.getAtIndex(ValueLayout.JAVA_FLOAT, i - begin))
                                .isEqualTo(i);
                    }
                }
            }
        }
    }

    @Test
    void saysWhereSomeAreMissing() {
        try (StateShards shards = StateShards.open(directory, "state")) {
            MemorySegment two = memory.allocate(ValueLayout.JAVA_FLOAT, 2);
            assertThat(shards.read("a", 9, two)).isFalse();
            assertThat(shards.read("b", 1, two)).isFalse();
            assertThat(shards.read("c", 0, two)).isFalse();
        }
    }

    @Test
    void aFileThatIsMissingLeavesAGap() throws Exception {
        Files.delete(StateShards.file(directory, "state", 1));
        try (StateShards shards = StateShards.open(directory, "state")) {
            assertThat(shards.read("a", 0, memory.allocate(ValueLayout.JAVA_FLOAT, 5)))
                    .isFalse();
        }
    }
}

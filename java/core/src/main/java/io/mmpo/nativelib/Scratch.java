package io.mmpo.nativelib;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * Memory for the arguments and results of one call, given again to the next one: it grows to what the largest call needed
 * and stays there, so a long run allocates nothing. Its owner lets one call at a time use it.
 */
final class Scratch implements SegmentAllocator, AutoCloseable {
    private static final long INITIAL_BYTES = 16 * 1024;

    private Arena arena = Arena.ofShared();
    private MemorySegment block = arena.allocate(INITIAL_BYTES);
    private long used;

    /** Takes back what the last call used. */
    void reset() {
        if (used > block.byteSize()) {
            long bytes = Long.highestOneBit(used) * 2;
            arena.close();
            arena = Arena.ofShared();
            block = arena.allocate(bytes);
        }
        used = 0;
    }

    /** Not cleared: it holds what an earlier call left there. */
    @Override
    public MemorySegment allocate(long byteSize, long byteAlignment) {
        long start = Math.ceilDiv(used, byteAlignment) * byteAlignment;
        used = start + byteSize;
        // The excess lies apart until the next reset makes one block of the whole size.
        return used <= block.byteSize() ? block.asSlice(start, byteSize) : arena.allocate(byteSize, byteAlignment);
    }

    @Override
    public void close() {
        arena.close();
    }
}

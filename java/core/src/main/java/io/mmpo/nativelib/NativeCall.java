package io.mmpo.nativelib;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/** One call of the core: its error buffer, the memory of its arguments, and what becomes of its status. */
final class NativeCall {
    /** Makes the downcall and reads its results. */
    @FunctionalInterface
    interface Body<T> {
        T run(NativeCall call) throws Throwable;
    }

    private final SegmentAllocator memory;
    private final MemorySegment error;

    private NativeCall(SegmentAllocator memory) {
        this.memory = memory;
        this.error = memory.allocate(Layouts.ERROR);
    }

    static <T> T run(String function, SegmentAllocator memory, Body<T> body) {
        try {
            return body.run(new NativeCall(memory));
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable t) {
            throw new IllegalStateException(function + " cannot be called", t);
        }
    }

    SegmentAllocator memory() {
        return memory;
    }

    MemorySegment error() {
        return error;
    }

    void check(int status) {
        if (status != 0) {
            String message = error.getString(Layouts.offset(Layouts.ERROR, "message"));
            throw new NativeException(NativeException.Status.of(status), message);
        }
    }
}

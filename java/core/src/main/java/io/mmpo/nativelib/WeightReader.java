package io.mmpo.nativelib;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.List;

/**
 * The mmpo_read_weights that the core calls for tensors which are not in memory. The core only ever sees memory that was filled
 * here: a file that another process cuts is then a failed read, where an address in a mapping of it would be a SIGBUS.
 */
final class WeightReader extends Upcall {
    private static final FunctionDescriptor DESCRIPTOR =
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS);
    private static final MethodHandle READ = find(MethodHandles.lookup(), "read", DESCRIPTOR);

    private final List<? extends StoredTensor> tensors;

    WeightReader(List<? extends StoredTensor> tensors) {
        this.tensors = tensors;
    }

    MemorySegment stub(Arena arena) {
        return stub(READ, DESCRIPTOR, arena);
    }

    /** After an exception the core is told that reading failed. */
    @SuppressWarnings("UnusedMethod") // by its handle
    private int read(MemorySegment context, long index, long offset, long numBytes, MemorySegment out) {
        try {
            tensors.get(Math.toIntExact(index)).read(offset, out.reinterpret(numBytes));
            return 0;
        } catch (Throwable t) {
            return keep(t);
        }
    }
}

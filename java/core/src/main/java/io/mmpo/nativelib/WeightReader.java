package io.mmpo.nativelib;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The mmpo_read_weights that the core calls for tensors which are not in memory. The core only ever sees memory that was filled
 * here: a file that another process cuts is then a failed read, where an address in a mapping of it would be a SIGBUS.
 */
final class WeightReader {
    private static final FunctionDescriptor DESCRIPTOR =
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS);
    private static final MethodHandle READ = findRead();

    private final List<? extends StoredTensor> tensors;
    private @Nullable Throwable failure;

    WeightReader(List<? extends StoredTensor> tensors) {
        this.tensors = tensors;
    }

    MemorySegment stub(Arena arena) {
        return Linker.nativeLinker().upcallStub(READ.bindTo(this), DESCRIPTOR, arena);
    }

    /** An exception must not pass through the core: it is kept, and the core is told that reading failed. */
    @SuppressWarnings("UnusedMethod") // by its handle
    private int read(MemorySegment context, long index, long offset, long numBytes, MemorySegment out) {
        try {
            tensors.get(Math.toIntExact(index)).read(offset, out.reinterpret(numBytes));
            return 0;
        } catch (Throwable t) {
            failure = t;
            return 1;
        }
    }

    /** After the call: what read threw. */
    void rethrow() {
        if (failure instanceof RuntimeException e) {
            throw e;
        }
        if (failure instanceof Error e) {
            throw e;
        }
    }

    private static MethodHandle findRead() {
        try {
            return MethodHandles.lookup()
                    .findVirtual(
                            WeightReader.class,
                            "read",
                            MethodType.methodType(
                                    int.class,
                                    MemorySegment.class,
                                    long.class,
                                    long.class,
                                    long.class,
                                    MemorySegment.class));
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}

package io.mmpo.nativelib;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import org.jspecify.annotations.Nullable;

/** A function that the core calls during a call. An exception must not pass through the core: it is kept until the call is over. */
abstract class Upcall {
    private @Nullable Throwable failure;

    /** The method of that name of the class that looks it up. */
    static MethodHandle find(MethodHandles.Lookup lookup, String name, FunctionDescriptor descriptor) {
        try {
            return lookup.findVirtual(lookup.lookupClass(), name, descriptor.toMethodType());
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    final MemorySegment stub(MethodHandle method, FunctionDescriptor descriptor, Arena arena) {
        return Linker.nativeLinker().upcallStub(method.bindTo(this), descriptor, arena);
    }

    final boolean hasFailed() {
        return failure != null;
    }

    /** The status that tells the core to end. */
    final int keep(Throwable thrown) {
        failure = thrown;
        return 1;
    }

    /** After the call: what was thrown in it. */
    final void rethrow() {
        if (failure instanceof RuntimeException e) {
            throw e;
        }
        if (failure instanceof Error e) {
            throw e;
        }
    }
}

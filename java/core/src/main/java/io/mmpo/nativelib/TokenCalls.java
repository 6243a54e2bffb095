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
import org.jspecify.annotations.Nullable;

/** The mmpo_hear_token that the core calls for a {@link TokenListener}. */
final class TokenCalls {
    private static final FunctionDescriptor DESCRIPTOR = FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle HEAR = findHear();

    private final TokenListener listener;
    private @Nullable Throwable failure;

    TokenCalls(TokenListener listener) {
        this.listener = listener;
    }

    MemorySegment stub(Arena arena) {
        return Linker.nativeLinker().upcallStub(HEAR.bindTo(this), DESCRIPTOR, arena);
    }

    /** An exception must not pass through the core: it is kept, and every text ends. */
    @SuppressWarnings("UnusedMethod") // by its handle
    private int hear(MemorySegment context, long prompt, int token) {
        try {
            return failure == null && listener.heard(Math.toIntExact(prompt), token) ? 0 : 1;
        } catch (Throwable t) {
            failure = t;
            return 1;
        }
    }

    /** After the call: what the listener threw. */
    void rethrow() {
        if (failure instanceof RuntimeException e) {
            throw e;
        }
        if (failure instanceof Error e) {
            throw e;
        }
    }

    private static MethodHandle findHear() {
        try {
            return MethodHandles.lookup()
                    .findVirtual(
                            TokenCalls.class,
                            "hear",
                            MethodType.methodType(int.class, MemorySegment.class, long.class, int.class));
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }
}

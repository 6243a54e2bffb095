package io.mmpo.nativelib;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;

/** The mmpo_hear_token that the core calls for a {@link TokenListener}. */
final class TokenCalls extends Upcall {
    private static final FunctionDescriptor DESCRIPTOR = FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle HEAR = find(MethodHandles.lookup(), "hear", DESCRIPTOR);

    private final TokenListener listener;

    TokenCalls(TokenListener listener) {
        this.listener = listener;
    }

    MemorySegment stub(Arena arena) {
        return stub(HEAR, DESCRIPTOR, arena);
    }

    /** After an exception every text ends. */
    @SuppressWarnings("UnusedMethod") // by its handle
    private int hear(MemorySegment context, long prompt, int token) {
        try {
            return listener.heard(Math.toIntExact(prompt), token).ordinal();
        } catch (Throwable t) {
            keep(t);
            return TokenListener.Next.ENDS_ALL.ordinal();
        }
    }
}

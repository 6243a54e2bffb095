package io.mmpo.nativelib;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * How long OpenMP's threads wait for each other before they let others run. By itself libgomp spins for 3 ms, which is best on
 * a machine that does nothing else; where other processes want the processors (or a container has a share of them), the
 * spinning threads keep away the one that they wait for: a training step on two busy cores took 3.1 s, and 0.4 s so.
 */
final class OpenMp {
    /** Of libgomp's 100,000 a millisecond: 10 microseconds, more than what passes between two kernels of a step. */
    private static final String SPIN_COUNT = "1000";

    private OpenMp() {}

    /** libgomp reads its environment when it is loaded, so this comes before. What the user has set stays. */
    static void yieldSoon() {
        if (System.getenv("OMP_WAIT_POLICY") != null) {
            return;
        }
        Linker linker = Linker.nativeLinker();
        MethodHandle setenv = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("setenv"),
                FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
        try (Arena arena = Arena.ofConfined()) {
            NativeCall.run("setenv", arena, call -> {
                MemorySegment name = arena.allocateFrom("GOMP_SPINCOUNT");
                return (int) setenv.invokeExact(name, arena.allocateFrom(SPIN_COUNT), 0);
            });
        }
    }
}

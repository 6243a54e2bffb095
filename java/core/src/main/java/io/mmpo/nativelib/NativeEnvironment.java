package io.mmpo.nativelib;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Variables that native libraries read from the environment. What the user has set stays, but for what is replaced. */
public final class NativeEnvironment {
    private static final int KEEP = 0;
    private static final int REPLACE = 1;

    private NativeEnvironment() {}

    /** To be called before LibTorch is loaded. */
    static void prepare() {
        // How long OpenMP's threads wait for each other before they let others run. By itself libgomp spins for 3 ms,
        // and where other processes want the processors (or a container has a share of them), the spinning threads
        // keep away the one that they wait for: a training step on two busy cores took 3.1 s, and 0.4 s with 10
        // microseconds. With 100 it takes about 10% more than that there, and 7% less on two free ones. libgomp counts
        // 100,000 a millisecond.
        if (System.getenv("OMP_WAIT_POLICY") == null) {
            set("GOMP_SPINCOUNT", "10000");
        }
        // LibTorch asks for huge pages for what is 2 MiB or more: a step of the 135M model in bfloat16 takes 7% less
        // time.
        set("THP_MEM_ALLOC_ENABLE", "1");
        // Micro-batches are of many sizes: memory of a GPU that is mapped in pieces does not break up among them.
        set("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True");
    }

    /** Where the variable is not set. Java's own view of the environment stays as it was when the process began. */
    public static void set(String name, String value) {
        set(name, value, KEEP);
    }

    public static void replace(String name, String value) {
        set(name, value, REPLACE);
    }

    private static void set(String name, String value, int replaces) {
        Linker linker = Linker.nativeLinker();
        MethodHandle setenv = linker.downcallHandle(
                linker.defaultLookup().findOrThrow("setenv"),
                FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment variable = arena.allocateFrom(name);
            MemorySegment text = arena.allocateFrom(value);
            NativeCall.run("setenv", arena, call -> (int) setenv.invokeExact(variable, text, replaces));
        }
    }
}

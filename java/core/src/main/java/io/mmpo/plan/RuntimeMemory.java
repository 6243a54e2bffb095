package io.mmpo.plan;

/**
 * What a process on the CPU has resident beside what it trains: measured once of runs of SmolLM2-135M and of a tiny model, by their
 * mappings (/proc/PID/smaps), glibc's malloc_info and the JVM's native memory tracking.
 */
final class RuntimeMemory {
    private static final long MIB = 1 << 20;

    /** Java's heap as tools/start.sh sets it at first. */
    static final long HEAP = 64 * MIB;

    /** Pages of files that are read: LibTorch's 63, the JVM's and its archive's of classes 29. */
    private static final long FILES = 92 * MIB;

    /** LibTorch's tables of operators, which are filled while it is loaded. */
    private static final long OPERATORS = 50 * MIB;

    /** The JVM's own: classes 17, compiled code 11, what it allocates 34, and what its compilers have given back to malloc. */
    private static final long JVM = 75 * MIB;

    /** What two threads pack of products' operands; kPanelBytesOfCopies and kRowBytesOfCopies of native/src/kernels/cpu/gemm.cpp. */
    private static final long OPERANDS = 10 * MIB;

    /** Of the tokenizer: 34 MiB of Java's heap and 37 MiB outside of it for 49,152 tokens. */
    private static final long BYTES_PER_TOKEN = 1_500;

    private RuntimeMemory() {}

    static long bytes(long vocabSize) {
        return HEAP + FILES + OPERATORS + JVM + OPERANDS + BYTES_PER_TOKEN * vocabSize;
    }
}

package io.mmpo.nativelib;

import static io.mmpo.spec.Require.require;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.mmpo.MmpoException;
import io.mmpo.files.NativeAccess;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The core's shared library: loaded once a process, with LibTorch before it. */
public final class NativeLibrary {
    /** MMPO_ABI_VERSION of the header that {@link Bindings} and {@link Layouts} are written after. */
    static final int ABI_VERSION = 14;

    /** More than any machine's processors; OpenMP would end the process where it cannot start as many as it was told. */
    private static final int MAX_THREADS = 4096;

    private static @Nullable SymbolLookup symbols;

    private NativeLibrary() {}

    /** Idempotent. A failure says what is missing and may be tried again. */
    public static synchronized void load() {
        if (symbols != null) {
            return;
        }
        Platform platform = Platform.current();
        int threads = defaultNumThreads(System.getenv("OMP_NUM_THREADS"));
        try {
            symbols = open(platform);
        } catch (IllegalCallerException e) {
            throw NativeAccess.denied(e);
        }
        setNumThreads(threads);
    }

    private static SymbolLookup open(Platform platform) {
        LibTorch.load(platform);
        SymbolLookup library = SharedLibrary.open(
                LibraryCache.user().unpack(platform),
                "It was built for LibTorch of one version: use the same one (by default that of the jars) and rebuild.");
        checkAbiVersion(library);
        return library;
    }

    static synchronized SymbolLookup symbols() {
        load();
        return Objects.requireNonNull(symbols);
    }

    /** One line: LibTorch's version and the CPU capability in use. */
    public static String buildInfo() {
        load();
        try (Arena arena = Arena.ofConfined()) {
            return NativeCall.run("mmpo_build_info", arena, call -> {
                MemorySegment text = (MemorySegment) Bindings.BUILD_INFO.invokeExact();
                return text.reinterpret(Long.MAX_VALUE).getString(0);
            });
        }
    }

    /** Threads that the core computes with, from 1; at first OMP_NUM_THREADS, or as many as there are processors. */
    public static void setNumThreads(int numThreads) {
        require(numThreads >= 1, "the number of threads must be >= 1, got %d", numThreads);
        load();
        try (Arena arena = Arena.ofConfined()) {
            NativeCall.run("mmpo_set_num_threads", arena, call -> {
                call.check((int) Bindings.SET_NUM_THREADS.invokeExact(numThreads, call.error()));
                return numThreads;
            });
        }
    }

    public static int numThreads() {
        load();
        try (Arena arena = Arena.ofConfined()) {
            return NativeCall.run("mmpo_get_num_threads", arena, call -> (int) Bindings.GET_NUM_THREADS.invokeExact());
        }
    }

    /** OMP_NUM_THREADS may be a list, one number a nesting level; the first counts. */
    static int defaultNumThreads(@Nullable String ompNumThreads) {
        if (ompNumThreads == null || ompNumThreads.isBlank()) {
            return Runtime.getRuntime().availableProcessors();
        }
        try {
            int threads = Integer.parseInt(ompNumThreads.split(",", 2)[0].strip());
            if (threads >= 1 && threads <= MAX_THREADS) {
                return threads;
            }
        } catch (NumberFormatException e) {
            // the message below says it
        }
        throw MmpoException.environment(
                "OMP_NUM_THREADS must be a number of threads from 1 to %d, found \"%s\". Correct it, or unset it to use every processor.",
                MAX_THREADS, ompNumThreads);
    }

    static void checkAbiVersion(SymbolLookup library) {
        int found = library.find("mmpo_abi_version")
                .map(address -> Linker.nativeLinker().downcallHandle(address, FunctionDescriptor.of(JAVA_INT)))
                .map(NativeLibrary::abiVersion)
                .orElseThrow(
                        () -> MmpoException.environment(
                                "libmmpo.so has no function mmpo_abi_version, so it is not the core of mmpo. Rebuild it: mvn -pl native package."));
        if (found != ABI_VERSION) {
            throw MmpoException.environment(
                    "This program needs version %d of libmmpo.so's interface, found version %d: its jars are of different builds."
                            + " Rebuild them together: mvn package.",
                    ABI_VERSION, found);
        }
    }

    private static int abiVersion(MethodHandle function) {
        try {
            return (int) function.invokeExact();
        } catch (Throwable t) {
            throw new IllegalStateException("mmpo_abi_version cannot be called", t);
        }
    }
}

package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
    @TempDir
    Path directory;

    @Test
    void threadsAreThoseOfOpenMpOrAllProcessors() {
        int processors = Runtime.getRuntime().availableProcessors();
        assertThat(NativeLibrary.defaultNumThreads(null)).isEqualTo(processors);
        assertThat(NativeLibrary.defaultNumThreads(" ")).isEqualTo(processors);
        assertThat(NativeLibrary.defaultNumThreads("3")).isEqualTo(3);
        assertThat(NativeLibrary.defaultNumThreads("4, 2")).isEqualTo(4);
        for (String wrong : new String[] {"0", "-1", "many", "1.5", "99999"}) {
            assertEnvironmentError(
                    () -> NativeLibrary.defaultNumThreads(wrong), "OMP_NUM_THREADS must be a number", wrong);
        }
    }

    @Test
    void otherPlatformsAreRefused() {
        assertThat(Platform.of("Linux", "amd64").name()).isEqualTo("linux-x86_64");
        assertEnvironmentError(() -> Platform.of("Linux", "aarch64"), "this JVM runs on Linux aarch64");
        assertEnvironmentError(() -> Platform.of("Mac OS X", "x86_64"), "this JVM runs on Mac OS X x86_64");
    }

    @Test
    void anotherAbiVersionIsRefused() throws Exception {
        SymbolLookup other = SharedLibrary.open(
                CCompiler.compileLibrary(
                        directory, "#include <mmpo/mmpo.h>\nint32_t mmpo_abi_version(void) { return 99; }\n"),
                "");
        assertEnvironmentError(
                () -> NativeLibrary.checkAbiVersion(other),
                "needs version " + NativeLibrary.ABI_VERSION + " of libmmpo.so's interface, found version 99",
                "mvn package");
        assertEnvironmentError(
                () -> NativeLibrary.checkAbiVersion(SymbolLookup.loaderLookup()), "no function mmpo_abi_version");
    }

    @Test
    void whatTheLinkerSaidIsKept() throws Exception {
        Path file = Files.writeString(directory.resolve("libbroken.so"), "not a library");
        assertThatThrownBy(() -> SharedLibrary.open(file, "Mend it."))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("The library " + file + " cannot be opened")
                .hasMessageContaining("file too short")
                .hasMessageEndingWith("Mend it.")
                .hasCauseInstanceOf(UnsatisfiedLinkError.class);
    }

    @Test
    void aCacheThatCannotBeWrittenSaysSo() throws Exception {
        Path file = Files.writeString(directory.resolve("file"), "");
        assertEnvironmentError(
                () -> new LibraryCache(file).unpack(Platform.current()),
                "cannot be unpacked into " + file,
                "MMPO_CACHE");
    }

    @Test
    void loadsAndSaysWhatItIs() {
        NativeLibrary.load();
        NativeLibrary.load();
        assertThat(NativeLibrary.buildInfo()).contains("LibTorch 2.");
        int threads = NativeLibrary.numThreads();
        assertThat(threads).isEqualTo(NativeLibrary.defaultNumThreads(System.getenv("OMP_NUM_THREADS")));
        NativeLibrary.setNumThreads(1);
        assertThat(NativeLibrary.numThreads()).isEqualTo(1);
        NativeLibrary.setNumThreads(threads);
        assertThatThrownBy(() -> NativeLibrary.setNumThreads(0)).isInstanceOf(IllegalArgumentException.class);
    }

    private static void assertEnvironmentError(ThrowingCallable call, String... messages) {
        assertThatThrownBy(call)
                .isInstanceOf(MmpoException.class)
                .hasMessageContainingAll(messages)
                .extracting(e -> ((MmpoException) e).kind())
                .isEqualTo(MmpoException.Kind.ENVIRONMENT);
    }
}

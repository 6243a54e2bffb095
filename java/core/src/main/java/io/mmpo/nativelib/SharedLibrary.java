package io.mmpo.nativelib;

import io.mmpo.MmpoException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Path;

/** Opens shared libraries for the life of the process. */
final class SharedLibrary {
    private SharedLibrary() {}

    /** The mend ends the message: what to do when this library cannot be opened. */
    static SymbolLookup open(Path path, String mend) {
        try {
            return SymbolLookup.libraryLookup(path, Arena.global());
        } catch (IllegalArgumentException e) {
            Throwable reason = reason(path, e);
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    reason,
                    "The library %s cannot be opened: %s. %s",
                    path,
                    reason.getMessage(),
                    mend);
        }
    }

    /** libraryLookup does not pass on what the dynamic linker said; System.load, failing at the same, does. */
    private static Throwable reason(Path path, IllegalArgumentException failure) {
        try {
            System.load(path.toAbsolutePath().toString());
            return failure;
        } catch (UnsatisfiedLinkError e) {
            return e;
        }
    }
}

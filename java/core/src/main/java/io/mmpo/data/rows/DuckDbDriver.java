package io.mmpo.data.rows;

import io.mmpo.files.UnpackedFile;
import io.mmpo.files.UserCache;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Driver;
import org.duckdb.DuckDBDriver;
import org.jspecify.annotations.Nullable;

/**
 * DuckDB's driver with its native library (72 MB) from the user's cache. Left to itself the driver unpacks the library into the
 * temporary directory each time, and a process that is killed leaves it there. It does so where its class loader finds the library
 * as a resource, and asks the loader for a path where not; so it is loaded by one that knows the path alone.
 */
final class DuckDbDriver {
    private static @Nullable Driver driver;

    private DuckDbDriver() {}

    static synchronized Driver get() throws IOException, ReflectiveOperationException {
        if (driver == null) {
            driver = load();
        }
        return driver;
    }

    private static Driver load() throws IOException, ReflectiveOperationException {
        Class<?> original = DuckDBDriver.class; // looked at, not initialized
        String resource = resourceName();
        URL packed = original.getResource("/" + resource);
        if (packed == null) {
            return new DuckDBDriver(); // the jar has no library for this platform: the driver says so
        }
        String name = System.mapLibraryName("duckdb_java");
        try {
            return load(
                    original, resource, UnpackedFile.of(UserCache.directory().resolve("duckdb"), name, packed));
        } catch (IOException e) { // the cache cannot be written: in use, the library needs no name
            Path directory = Files.createTempDirectory("mmpo-duckdb-");
            Path library = directory.resolve(name);
            try {
                Files.copy(packed.openStream(), library);
                return load(original, resource, library);
            } finally {
                Files.deleteIfExists(library);
                Files.delete(directory);
            }
        }
    }

    private static Driver load(Class<?> original, String resource, Path library) throws ReflectiveOperationException {
        URL jar = original.getProtectionDomain().getCodeSource().getLocation();
        Class<?> type = Class.forName(original.getName(), true, new Loader(jar, resource, library));
        // Its native class is what loads the library.
        Class.forName("org.duckdb.DuckDBNative", true, type.getClassLoader());
        return (Driver) type.getDeclaredConstructor().newInstance();
    }

    /** As the driver names it. */
    private static String resourceName() {
        String system = System.getProperty("os.name").toLowerCase(java.util.Locale.ROOT);
        String os = system.startsWith("mac") ? "macos" : system.startsWith("windows") ? "windows" : "linux";
        String arch = System.getProperty("os.arch");
        return "libduckdb_java.so_" + os + "_" + (arch.matches("aarch64|arm64") ? "arm64" : "amd64");
    }

    private static final class Loader extends URLClassLoader {
        private final String hidden;
        private final Path library;

        Loader(URL jar, String hidden, Path library) {
            super("duckdb", new URL[] {jar}, ClassLoader.getPlatformClassLoader());
            this.hidden = hidden;
            this.library = library;
        }

        @Override
        public @Nullable URL findResource(String name) {
            return name.equals(hidden) ? null : super.findResource(name);
        }

        @Override
        protected String findLibrary(String name) {
            return library.toAbsolutePath().toString();
        }
    }
}

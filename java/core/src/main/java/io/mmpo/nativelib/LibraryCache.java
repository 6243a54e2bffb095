package io.mmpo.nativelib;

import io.mmpo.MmpoException;
import io.mmpo.files.UserCache;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Where libmmpo.so is unpacked so that it can be opened: a directory named after its SHA-256, so that builds never overwrite
 * each other. A file is complete when it has its name, since it is renamed into place.
 */
record LibraryCache(Path root) {
    private static final String LIBRARY = "libmmpo.so";

    static LibraryCache user() {
        return new LibraryCache(UserCache.directory().resolve("native"));
    }

    Path unpack(Platform platform) {
        String resource = "io/mmpo/native/" + platform.name() + "/" + LIBRARY;
        URL url = Resources.find(resource);
        try (InputStream in = url == null ? null : url.openStream()) {
            if (in == null) {
                throw MmpoException.environment(
                        "The native core is not on the class path or among the modules: the resource %s is wanted. Add the artifact io.mmpo:mmpo-native-linux-x86-64, or"
                                + " build it: mvn -pl native package.",
                        resource);
            }
            return store(in.readAllBytes());
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "The native core cannot be unpacked into %s: %s. Make room or writing possible there, or name another place with"
                            + " the environment variable MMPO_CACHE.",
                    root,
                    e);
        }
    }

    Path store(byte[] library) throws IOException {
        String hash = sha256(library);
        Path directory = root.resolve(hash);
        Path target = directory.resolve(LIBRARY);
        if (Files.isRegularFile(target) && sha256(Files.readAllBytes(target)).equals(hash)) {
            return target;
        }
        Files.createDirectories(directory);
        Path temporary = Files.createTempFile(directory, LIBRARY, ".tmp");
        try {
            Files.write(temporary, library);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
        return target;
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}

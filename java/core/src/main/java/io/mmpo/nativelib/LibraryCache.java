package io.mmpo.nativelib;

import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import io.mmpo.files.UnpackedFile;
import io.mmpo.files.UserCache;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Path;

/** Where libmmpo.so is unpacked so that it can be opened; builds do not overwrite each other. */
record LibraryCache(Path root) {
    private static final String LIBRARY = "libmmpo.so";

    static LibraryCache user() {
        return new LibraryCache(UserCache.directory().resolve("native"));
    }

    Path unpack(Platform platform) {
        String resource = "io/mmpo/native/" + platform.name() + "/" + LIBRARY;
        URL url = Resources.find(resource);
        if (url == null) {
            throw MmpoException.environment(
                    "The native core is not on the class path or among the modules: the resource %s is wanted. Add the artifact io.mmpo:mmpo-native-linux-x86-64, or"
                            + " build it: mvn -pl native package.",
                    resource);
        }
        try {
            return UnpackedFile.of(root, LIBRARY, url);
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "The native core cannot be unpacked into %s: %s. Make room or writing possible there, or name another place with"
                            + " the environment variable MMPO_CACHE.",
                    root,
                    IoProblem.of(e));
        }
    }
}

package io.mmpo.files;

import java.nio.file.Path;

/** The user's cache of this program: below XDG_CACHE_HOME, or ~/.cache where that is not set. */
public final class UserCache {
    private UserCache() {}

    public static Path directory() {
        String cacheHome = System.getenv("XDG_CACHE_HOME");
        Path base = cacheHome == null || cacheHome.isBlank()
                ? Path.of(System.getProperty("user.home"), ".cache")
                : Path.of(cacheHome);
        return base.resolve("mmpo");
    }
}

package io.mmpo.files;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The one directory that this program, and the libraries that it uses, keep files in for later runs: the one that MMPO_CACHE names, else
 * mmpo below XDG_CACHE_HOME, else below ~/.cache.
 */
public final class UserCache {
    private static final Set<String> NOWHERE = Set.of("no", "none", "false", "off");

    private UserCache() {}

    public static Path directory() {
        return directory(System.getenv());
    }

    /** MMPO_CACHE may say that no rows are kept; native libraries still have to lie somewhere. */
    public static Path directory(Map<String, String> environment) {
        return get(environment, "MMPO_CACHE")
                .filter(place -> !isNowhere(place))
                .map(Path::of)
                .orElseGet(() -> ofAll(environment).resolve("mmpo"));
    }

    /** The directory that programs keep theirs in. */
    public static Path ofAll(Map<String, String> environment) {
        return get(environment, "XDG_CACHE_HOME")
                .map(Path::of)
                .orElseGet(() -> UserHome.directory(environment).resolve(".cache"));
    }

    /** Whether rows are kept nowhere where this is said in place of a directory. */
    public static boolean isNowhere(String place) {
        return NOWHERE.contains(place);
    }

    private static Optional<String> get(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name)).filter(value -> !value.isBlank());
    }
}

package io.mmpo.train;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Where tokenized rows and reference log-probabilities are kept from one run to the next. */
final class CacheDirectory {
    private static final Set<String> NOWHERE = Set.of("no", "none", "false", "off");

    private CacheDirectory() {}

    /** key: cache_dir of the configuration, which wins over MMPO_CACHE. Empty where nothing is kept. */
    static Optional<Path> of(Optional<String> key, Map<String, String> environment) {
        return key.or(() -> get(environment, "MMPO_CACHE"))
                .map(place -> NOWHERE.contains(place) ? Optional.<Path>empty() : Optional.of(Path.of(place)))
                .orElseGet(() -> Optional.of(get(environment, "XDG_CACHE_HOME")
                        .map(Path::of)
                        .orElseGet(() -> Path.of(System.getProperty("user.home"), ".cache"))
                        .resolve("mmpo")));
    }

    private static Optional<String> get(Map<String, String> environment, String name) {
        return Optional.ofNullable(environment.get(name)).filter(value -> !value.isBlank());
    }
}

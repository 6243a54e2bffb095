package io.mmpo.train;

import io.mmpo.files.UserCache;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/** Where tokenized rows and reference log-probabilities are kept from one run to the next. */
final class CacheDirectory {
    private CacheDirectory() {}

    /** key: cache_dir of the configuration, which wins over MMPO_CACHE. Empty where nothing is kept. */
    static Optional<Path> of(Optional<String> key, Map<String, String> environment) {
        return key.or(() -> Optional.ofNullable(environment.get("MMPO_CACHE")).filter(value -> !value.isBlank()))
                .map(place -> UserCache.isNowhere(place) ? Optional.<Path>empty() : Optional.of(Path.of(place)))
                .orElseGet(() -> Optional.of(UserCache.directory(environment)));
    }
}

package io.mmpo.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * One source of rows. path: a file, a glob, a directory, or a data set of a hub (owner/name, or owner/name@revision). config: one of several configurations of a data set. split: which of its files. weight: how often an epoch visits
 * a row, so 0.5 takes half of them. columns: from the name that a row of docs/data.md has to the name that it has there.
 */
public record DatasetOptions(
        String path, Optional<String> config, String split, double weight, Map<String, String> columns) {
    public DatasetOptions {
        Checks.require(!path.isBlank(), "path", "must name a file, a directory or a data set", "an empty text");
        Checks.require(isName(config.orElse("default")), "config", NAME_WANTED, "'" + config.orElse("") + "'");
        Checks.require(isName(split), "split", NAME_WANTED, "'" + split + "'");
        Checks.require(weight > 0 && weight <= 1000, "weight", "must be above 0 and at most 1000", weight);
        columns = Collections.unmodifiableMap(new LinkedHashMap<>(columns)); // config.yaml keeps the order
    }

    static final String NAME_WANTED = "must be a name of letters, digits, _, - and .";

    static boolean isName(String name) {
        return name.matches("[\\w.\\-]+");
    }
}

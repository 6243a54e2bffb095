package io.mmpo.config;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.files.UserHome;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The key {@code datasets}: a list of mappings with path, and perhaps config, split, weight and columns. */
final class Mixture {
    private static final Set<String> KEYS = Set.of("path", "config", "split", "weight", "columns");

    /** What alignment-handbook calls a path, and TRL a configuration. */
    private static final Map<String, String> OTHER_NAMES = Map.of("id", "path", "name", "config");

    private Mixture() {}

    /** config and split: of entries that name none. */
    static List<DatasetOptions> read(Assignment given, Optional<String> config, String split) {
        if (given.tree() == null) {
            throw new Unreadable("must be a list or a mapping");
        }
        JsonNode list = RecipeKeys.mixture(given.tree());
        String where = " (" + given.where() + ")";
        List<DatasetOptions> datasets = new ArrayList<>();
        for (JsonNode entry : list.isObject() ? List.of(list) : list) {
            datasets.add(dataset(entry, config, split, "entry " + (datasets.size() + 1) + where));
        }
        return datasets;
    }

    private static DatasetOptions dataset(JsonNode entry, Optional<String> config, String split, String place) {
        if (!entry.isObject()) {
            throw MmpoException.configuration(
                    "datasets must be a list of mappings (path, config, split, weight, columns), but %s is none",
                    place);
        }
        entry.fieldNames().forEachRemaining(key -> {
            if (!KEYS.contains(OTHER_NAMES.getOrDefault(key, key))) {
                throw MmpoException.configuration(
                        "datasets: '%s' of %s is not a key of a data set%s; the keys are path, config, split, weight, columns",
                        key,
                        place,
                        Spelling.nearest(key, KEYS)
                                .map(name -> ", did you mean " + name + "?")
                                .orElse(""));
            }
        });
        String path = text(entry, "path", place);
        if (path == null) {
            throw MmpoException.configuration(
                    "datasets: %s has no path; name a file, a directory or a data set", place);
        }
        path = UserHome.expand(path);
        try {
            String ownConfig = text(entry, "config", place);
            String ownSplit = text(entry, "split", place);
            String weight = text(entry, "weight", place);
            return new DatasetOptions(
                    path,
                    ownConfig == null ? config : Optional.of(ownConfig),
                    ownSplit == null ? split : ownSplit,
                    weight == null ? 1 : Double.parseDouble(weight),
                    columns(entry.path("columns"), place));
        } catch (NumberFormatException e) {
            throw MmpoException.configuration(
                    "datasets: weight of %s must be a number, got '%s'", place, text(entry, "weight", place));
        } catch (MmpoException e) {
            throw MmpoException.of(e.kind(), e, "datasets: %s of %s", e.getMessage(), place);
        }
    }

    private static Map<String, String> columns(JsonNode mapping, String place) {
        Map<String, String> columns = new LinkedHashMap<>();
        // A list names the columns to keep, as TRL and alignment-handbook have it; here those that are needed are read.
        if (mapping.isMissingNode() || mapping.isNull() || mapping.isArray()) {
            return columns;
        }
        if (!mapping.isObject()) {
            throw MmpoException.configuration(
                    "columns must map names of docs/data.md to columns of the file, {prompt: instruction} say");
        }
        mapping.properties().forEach(entry -> {
            if (!entry.getValue().isTextual()) {
                throw MmpoException.configuration("columns must name a column for '%s'", entry.getKey());
            }
            columns.put(entry.getKey(), entry.getValue().textValue());
        });
        return columns;
    }

    private static @Nullable String text(JsonNode entry, String key, String place) {
        JsonNode value = OTHER_NAMES.entrySet().stream()
                .filter(other -> other.getValue().equals(key) && entry.has(other.getKey()))
                .findFirst()
                .map(other -> entry.path(other.getKey()))
                .orElse(entry.path(key));
        if (value.isContainerNode()) {
            throw MmpoException.configuration("datasets: %s of %s must be one value", key, place);
        }
        return value.isTextual() ? value.textValue() : null;
    }

    /** As the configuration file has it. */
    static @Nullable Object toYaml(List<DatasetOptions> datasets) {
        if (datasets.isEmpty()) {
            return null;
        }
        return datasets.stream()
                .map(dataset -> {
                    Map<String, Object> entry = new LinkedHashMap<>();
                    entry.put("path", dataset.path());
                    dataset.config().ifPresent(name -> entry.put("config", name));
                    entry.put("split", dataset.split());
                    entry.put("weight", dataset.weight());
                    if (!dataset.columns().isEmpty()) {
                        entry.put("columns", dataset.columns());
                    }
                    return entry;
                })
                .toList();
    }
}

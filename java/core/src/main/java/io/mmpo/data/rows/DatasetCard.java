package io.mmpo.data.rows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.yaml.snakeyaml.LoaderOptions;

/** What the YAML at the top of a data set's README.md says about its files: configs, each with data_files. */
final class DatasetCard {
    static final String FILE = "README.md";
    static final int MAX_BYTES = 1 << 20;

    private static final int MAX_DEPTH = 20;
    private static final String FENCE = "---";

    private final JsonNode configs;
    private final String name;

    private DatasetCard(JsonNode configs, String name) {
        this.configs = configs;
        this.name = name;
    }

    /** Empty where the text says nothing about files. name: of the data set, for messages. */
    static Optional<DatasetCard> parse(String readme, String name) {
        List<String> lines = readme.lines().toList();
        int end = lines.isEmpty() || !lines.getFirst().strip().equals(FENCE)
                ? -1
                : lines.subList(1, lines.size()).indexOf(FENCE);
        if (end < 0) {
            return Optional.empty();
        }
        LoaderOptions limits = new LoaderOptions();
        limits.setCodePointLimit(MAX_BYTES);
        limits.setMaxAliasesForCollections(0);
        YAMLMapper yaml = new YAMLMapper(YAMLFactory.builder()
                .loaderOptions(limits)
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(MAX_DEPTH)
                        .build())
                .build());
        try {
            JsonNode configs =
                    yaml.readTree(String.join("\n", lines.subList(1, end + 1))).path("configs");
            return configs.isArray() && !configs.isEmpty()
                    ? Optional.of(new DatasetCard(configs, name))
                    : Optional.empty();
        } catch (JsonProcessingException e) {
            return Optional.empty(); // a card is written for people; names of files decide where it cannot be read
        }
    }

    /** Globs of the split's files. Empty where the chosen configuration says nothing about files. */
    Optional<List<String>> patterns(Optional<String> config, String split) {
        JsonNode chosen = choose(config);
        JsonNode files = chosen.path("data_files");
        List<String> patterns = new ArrayList<>();
        boolean named = files.isArray() && files.path(0).isObject();
        if (named) {
            List<String> splits = new ArrayList<>();
            for (JsonNode entry : files) {
                splits.add(entry.path("split").asText());
                if (entry.path("split").asText().equals(split)) {
                    addAll(entry.path("path"), patterns);
                }
            }
            if (patterns.isEmpty()) {
                throw MmpoException.data(
                        "The data set %s has no split %s; its splits are %s. Name one of them (dataset_train_split, dataset_test_split).",
                        name, split, PrintableText.excerpt(String.join(", ", splits)));
            }
        } else if (split.equals("train")) { // files without a split are train's
            addAll(files, patterns);
        }
        return patterns.isEmpty() ? Optional.empty() : Optional.of(patterns);
    }

    private JsonNode choose(Optional<String> config) {
        List<String> names = new ArrayList<>();
        for (JsonNode candidate : configs) {
            String candidateName = candidate.path("config_name").asText("default");
            names.add(candidateName);
            if (config.isPresent() ? candidateName.equals(config.get()) : isDefault(candidate, candidateName)) {
                return candidate;
            }
        }
        throw MmpoException.data(
                "The data set %s has the configurations %s; %s.",
                name,
                PrintableText.excerpt(String.join(", ", names)),
                config.isPresent()
                        ? "dataset_config names another, " + config.get()
                        : "name one of them with dataset_config");
    }

    private boolean isDefault(JsonNode candidate, String candidateName) {
        return configs.size() == 1
                || candidateName.equals("default")
                || candidate.path("default").asBoolean(false);
    }

    private static void addAll(JsonNode pathOrList, List<String> patterns) {
        if (pathOrList.isTextual()) {
            patterns.add(pathOrList.textValue());
        } else {
            pathOrList.forEach(entry -> addAll(entry, patterns));
        }
    }
}

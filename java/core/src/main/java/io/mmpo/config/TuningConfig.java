package io.mmpo.config;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A search over values of a configuration's keys, one key after another: a configuration with the key {@code tune}, which holds the
 * stages. docs/tune.md has the form.
 */
public final class TuningConfig {
    private static final String TUNE = "tune";
    private static final String STAGES = "stages";
    private static final String HALVING = "halving";

    /** SimPO's γ/β, which the paper searches and no key of a run is: simpo_gamma is it times beta. */
    public static final String GAMMA_BETA_RATIO = "gamma_beta_ratio";

    private static final String GAMMA = "simpo_gamma";
    private static final String BETA = "beta";
    private static final Set<String> KEYS = Set.of(STAGES, HALVING, GAMMA_BETA_RATIO);

    private final Map<String, Assignment> base;
    private final Map<String, String> start;
    private final List<Stage> stages;
    private final OptionalInt halving;

    /** Values of one key, as numbers are written shortest, in the order of the file. */
    public record Stage(String key, List<String> values) {}

    private TuningConfig(
            Map<String, Assignment> base, Map<String, String> start, List<Stage> stages, OptionalInt halving) {
        this.base = base;
        this.start = start;
        this.stages = stages;
        this.halving = halving;
    }

    /** {@code overrides} are {@code key=value} of a run's keys, and win over the file. */
    public static TuningConfig load(Path file, List<String> overrides) {
        Map<String, Assignment> base = ConfigLoader.assignments(file, overrides);
        Assignment tune = base.remove(TUNE);
        if (tune == null || tune.tree() == null || !tune.tree().isObject()) {
            throw MmpoException.configuration(
                    "%s has no mapping tune with the values to try, such as tune: {stages: [{learning_rate: [5e-4, 1e-4]}]}; docs/tune.md"
                            + " has the form",
                    file);
        }
        Reader reader = new Reader(tune);
        TuningConfig config = new TuningConfig(base, reader.start(), reader.stages(), reader.halving());
        config.requireStart();
        return config;
    }

    public List<Stage> stages() {
        return stages;
    }

    /** How many of a stage's trials go on at a time: one in so many. Empty: all run to their end. */
    public OptionalInt halving() {
        return halving;
    }

    /** What the keys that are searched are before any is: a stage tries its values with the others at these. */
    public Map<String, String> start() {
        Map<String, String> all = new LinkedHashMap<>();
        Map<String, Object> unsearched = trial(start, Path.of("trial")).yaml();
        for (Stage stage : stages) {
            String ratio = start.get(stage.key());
            if (ratio != null) {
                all.put(stage.key(), ratio);
            } else if (unsearched.get(stage.key()) instanceof Number number) {
                all.put(stage.key(), shortest(new BigDecimal(number.toString())));
            }
        }
        start.forEach(all::putIfAbsent);
        return all;
    }

    /** The configuration of a run with these values. */
    public TrainingConfig trial(Map<String, String> values, Path outputDir) {
        return load(values, outputDir).config();
    }

    private ConfigLoader.Loaded load(Map<String, String> values, Path outputDir) {
        Map<String, Assignment> assignments = new LinkedHashMap<>(base);
        Map<String, String> all = new LinkedHashMap<>(values);
        String ratio = all.remove(GAMMA_BETA_RATIO);
        all.forEach((key, value) -> assignments.put(key, Assignment.scalar(value, "tune")));
        if (ratio != null) {
            BigDecimal beta = new BigDecimal(Double.toString(
                    ConfigLoader.read(assignments).config().loss().beta()));
            assignments.put(GAMMA, Assignment.scalar(shortest(new BigDecimal(ratio).multiply(beta)), "tune"));
        }
        assignments.put("output_dir", Assignment.scalar(outputDir.toString(), "tune"));
        assignments.put("resume_from_checkpoint", Assignment.scalar("true", "tune"));
        return ConfigLoader.read(assignments);
    }

    /** Where the search writes: the file's output_dir. */
    public Path outputDir() {
        return ConfigLoader.read(base).config().run().outputDir();
    }

    private void requireStart() {
        requireRewards(trial(start, Path.of("trial")));
        if (stages.stream().anyMatch(stage -> stage.key().equals(GAMMA_BETA_RATIO)) && base.containsKey(GAMMA)) {
            throw MmpoException.configuration(
                    "simpo_gamma (%s) and a stage of gamma_beta_ratio say the same in two ways; write gamma_beta_ratio under tune in place of"
                            + " simpo_gamma",
                    Objects.requireNonNull(base.get(GAMMA)).where());
        }
        stages.forEach(stage -> stage.values().forEach(value -> {
            Map<String, String> values = new LinkedHashMap<>(start);
            values.put(stage.key(), value);
            // So that a value that no run takes is refused before the first one begins.
            String key = stage.key().equals(GAMMA_BETA_RATIO) ? GAMMA : stage.key();
            load(values, Path.of("trial")).notices().stream()
                    .filter(notice -> notice.startsWith(key + " has no effect"))
                    .findFirst()
                    .ifPresent(notice -> {
                        throw MmpoException.configuration(
                                "tune has a stage of %s, and %s; remove the stage", stage.key(), notice);
                    });
        }));
    }

    private static void requireRewards(TrainingConfig config) {
        if (config.loss().isSft()) {
            throw MmpoException.configuration(
                    "tune compares reward accuracies, and loss_type sft has no rewards; search with a loss of pairs");
        }
        if (config.run().evalStrategy() == IntervalStrategy.NO || !config.data().mayEvaluate()) {
            throw MmpoException.configuration(
                    "tune compares reward accuracies on evaluation rows, and these trials would not be evaluated: set eval_dataset_name to rows"
                            + " that are not trained on, and eval_strategy to epoch or steps");
        }
    }

    /** 5e-4 and 0.00050 are the same. */
    static String shortest(BigDecimal number) {
        return number.signum() == 0 ? "0" : number.stripTrailingZeros().toString();
    }

    /** The mapping {@code tune}. */
    private static final class Reader {
        private final Assignment given;
        private final JsonNode tree;

        Reader(Assignment given) {
            this.given = given;
            this.tree = Objects.requireNonNull(given.tree());
            tree.fieldNames().forEachRemaining(key -> {
                if (!KEYS.contains(key)) {
                    throw refusal("has no key '%s'; its keys are stages, halving and gamma_beta_ratio", key);
                }
            });
        }

        private MmpoException refusal(String format, @Nullable Object... arguments) {
            return MmpoException.configuration(
                    "tune (%s) %s", given.where(), String.format(Locale.ROOT, format, arguments));
        }

        Map<String, String> start() {
            Map<String, String> start = new LinkedHashMap<>();
            if (tree.has(GAMMA_BETA_RATIO)) {
                start.put(GAMMA_BETA_RATIO, number(tree.get(GAMMA_BETA_RATIO), GAMMA_BETA_RATIO));
            }
            return start;
        }

        OptionalInt halving() {
            if (!tree.has(HALVING) || tree.get(HALVING).isNull()) {
                return OptionalInt.empty();
            }
            String text = tree.get(HALVING).asText();
            if (!text.matches("[2-9]|[1-9]\\d{1,3}")) {
                throw refusal(
                        "has halving: '%s', and it must be a whole number of at least 2: one trial in so many goes on",
                        Echo.of(text));
            }
            return OptionalInt.of(Integer.parseInt(text));
        }

        List<Stage> stages() {
            JsonNode list = tree.path(STAGES);
            if (!list.isArray() || list.isEmpty()) {
                throw refusal("needs stages: a list of mappings of one key to the values to try");
            }
            List<Stage> stages = new ArrayList<>();
            for (JsonNode entry : list) {
                if (!entry.isObject() || entry.size() != 1) {
                    throw refusal(
                            "has a stage that is no mapping of one key, such as {beta: [0.01, 0.05]}: %s",
                            Echo.of(entry.toString()));
                }
                Map.Entry<String, JsonNode> stage =
                        entry.properties().iterator().next();
                stages.add(stage(stage.getKey(), stage.getValue()));
            }
            return List.copyOf(stages);
        }

        private Stage stage(String key, JsonNode values) {
            if (!values.isArray() || values.size() < 2) {
                throw refusal("has the stage %s with less than two values to try; give it a list", Echo.of(key));
            }
            boolean isKnown = key.equals(GAMMA_BETA_RATIO) || ConfigKeys.ALL.containsKey(key);
            if (!isKnown) {
                throw refusal("has a stage of '%s', which is no key of a run", Echo.of(key));
            }
            Set<String> numbers = new LinkedHashSet<>();
            values.forEach(value -> numbers.add(number(value, key)));
            if (numbers.size() < values.size()) {
                throw refusal("tries a value of %s twice", key);
            }
            return new Stage(key, List.copyOf(numbers));
        }

        private String number(JsonNode value, String key) {
            try {
                return shortest(BigDecimal.valueOf(ValueTypes.parseNumber(value.asText())));
            } catch (Unreadable e) {
                throw refusal("has a value of %s that is no number: '%s'", Echo.of(key), Echo.of(value.asText()));
            }
        }
    }
}

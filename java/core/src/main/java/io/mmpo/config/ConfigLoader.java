package io.mmpo.config;

import io.mmpo.MmpoException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/** YAML and {@code key=value} overrides to a checked {@link TrainingConfig}. */
public final class ConfigLoader {
    private ConfigLoader() {}

    /** A configuration, and one line for each key that was accepted without an effect. */
    public record Loaded(TrainingConfig config, List<String> notices) {}

    /** {@code overrides} are {@code key=value}, each key once; they win over the file. */
    public static Loaded load(Path file, List<String> overrides) {
        return read(assignments(file, overrides));
    }

    /** What keys are set to, before anything of it is checked. */
    static Map<String, Assignment> assignments(Path file, List<String> overrides) {
        Map<String, Assignment> assignments = YamlFile.read(file);
        Map<String, String> texts = new LinkedHashMap<>();
        for (String override : overrides) {
            int equals = override.indexOf('=');
            if (equals < 1) {
                throw MmpoException.configuration(
                        "'%s' on the command line is not of the form key=value", Echo.of(override));
            }
            String key = override.substring(0, equals).strip();
            String text = override.substring(equals + 1).strip();
            String earlier = texts.put(key, text);
            if (earlier != null) {
                throw MmpoException.configuration(
                        "%s is set twice on the command line, to '%s' and to '%s'; keep one",
                        Echo.of(key), Echo.of(earlier), Echo.of(text));
            }
            assignments.put(key, Assignment.onCommandLine(key, text));
        }
        return assignments;
    }

    static Loaded of(Map<String, ?> values) {
        Map<String, Assignment> assignments = new LinkedHashMap<>();
        values.forEach((key, value) -> assignments.put(key, Assignment.inProgram(value)));
        return read(assignments);
    }

    static Loaded read(Map<String, Assignment> assignments) {
        Map<String, Assignment> byFirstName = new LinkedHashMap<>();
        Problems problems = new Problems(byFirstName);
        inWordsOfToday(assignments, problems).forEach((name, assignment) -> {
            String first = DeepSpeedKeys.target(name)
                    .orElseGet(() -> ConfigKeys.named(name).map(ConfigKey::name).orElse(name));
            Assignment other = byFirstName.put(first, assignment);
            if (other != null && !other.says(assignment)) {
                problems.noteWhole(
                        first,
                        "%s is set twice, to %s (%s) and to %s (%s, as %s); remove one of them"
                                .formatted(
                                        first,
                                        other.text(),
                                        other.where(),
                                        assignment.text(),
                                        assignment.where(),
                                        name));
            }
        });
        List<String> notices = new ArrayList<>();
        Map<String, Assignment> known = known(byFirstName, problems, notices);
        Settings settings = SettingsReader.read(known, problems);
        known.forEach((name, given) -> {
            ConfigKey<?> key = Objects.requireNonNull(ConfigKeys.ALL.get(name));
            key.noEffect(settings)
                    .ifPresent(words -> notices.add(name + " has no effect " + words + problems.at(name)));
            Optional.ofNullable(given.text())
                    .flatMap(text -> key.remark(text).map(words -> text + " " + words))
                    .ifPresent(words -> notices.add(name + ": " + words + problems.at(name)));
        });
        notices.sort(null);
        ConfigKeys.SECTIONS.forEach(section -> section.check(settings, problems));
        DeepSpeedFile.checkRows(byFirstName, settings, problems);
        problems.throwIfAny();
        return new Loaded(new TrainingConfig(settings), List.copyOf(notices));
    }

    /** With dataset_splits and deepspeed, which no keys are called, as what they stand for. */
    private static Map<String, Assignment> inWordsOfToday(Map<String, Assignment> assignments, Problems problems) {
        Map<String, Assignment> today = new LinkedHashMap<>();
        assignments.forEach((name, given) -> meant(name, given, problems).forEach((key, value) -> {
            if (today.put(key, value) != null) {
                String other = key.startsWith(DeepSpeedFile.KEY + ".") ? DeepSpeedFile.KEY : RecipeKeys.SPLITS;
                String where = Objects.requireNonNull(assignments.get(other)).where();
                problems.noteWhole(
                        key, "%s is set twice, by itself and by %s (%s); keep one".formatted(key, other, where));
            }
        }));
        return today;
    }

    private static Map<String, Assignment> meant(String name, Assignment given, Problems problems) {
        try {
            return switch (name) {
                case RecipeKeys.SPLITS -> RecipeKeys.splits(given);
                case DeepSpeedFile.KEY -> DeepSpeedFile.entries(given, problems);
                default -> Map.of(name, given);
            };
        } catch (Unreadable e) {
            String text = given.text() == null ? "" : given.text();
            problems.noteWhole(name, e.message(name, text, " (" + given.where() + ")"));
        } catch (MmpoException e) {
            problems.noteWhole(name, "%s (%s): %s".formatted(name, given.where(), e.getMessage()));
        }
        return Map.of();
    }

    /** Those of the keys that there are here; what becomes of the others is noted. */
    private static Map<String, Assignment> known(
            Map<String, Assignment> assignments, Problems problems, List<String> notices) {
        Map<String, Assignment> known = new LinkedHashMap<>();
        assignments.forEach((key, assignment) -> {
            Optional<ForeignRule> rule =
                    DeepSpeedKeys.rule(key).or(() -> Optional.ofNullable(ForeignKeys.ALL.get(key)));
            if (ConfigKeys.ALL.containsKey(key)) {
                known.put(key, assignment);
            } else if (rule.isPresent()) {
                rule.get().apply(key, assignment, problems, notices::add);
            } else {
                problems.note(key, "'" + Echo.of(key) + "'", " is not a configuration key; " + suggestion(key));
            }
        });
        return known;
    }

    private static String suggestion(String key) {
        Set<String> names = new TreeSet<>(ConfigKeys.ALL.keySet());
        names.addAll(ForeignKeys.ALL.keySet());
        names.addAll(DeepSpeedKeys.names());
        return Spelling.nearest(key, names)
                .map(name -> "did you mean " + name + "?")
                .orElse("docs/configuration.md lists the keys");
    }
}

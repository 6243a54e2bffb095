package io.mmpo.config;

import io.mmpo.MmpoException;
import io.mmpo.spec.LossType;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Turns what keys were set to, and defaults, into typed values. What cannot be read is noted, and the default stands in for it, so
 * that all that is wrong with a configuration is known at once.
 */
final class SettingsReader {
    private final Map<String, Assignment> assignments;
    private final Problems problems;
    private Settings settings = Settings.none();

    private SettingsReader(Map<String, Assignment> assignments, Problems problems) {
        this.assignments = assignments;
        this.problems = problems;
    }

    /** assignments: of keys that there are, by their first name. A key that has to be set, and is not, is a problem and no value. */
    static Settings read(Map<String, Assignment> assignments, Problems problems) {
        SettingsReader reader = new SettingsReader(assignments, problems);
        reader.readKey(LossOptions.LOSS_TYPE, LossType.MMPO); // defaults hang on it
        LossType loss = LossOptions.types(reader.settings).getFirst();
        ConfigKeys.SECTIONS.forEach(section -> reader.readKeys(section, loss));
        return reader.settings;
    }

    /** Those of a section where none of its keys is set, and none of them has to be. */
    static Settings defaults(Section section) {
        SettingsReader reader = new SettingsReader(Map.of(), new Problems(Map.of()));
        reader.readKeys(section, LossType.MMPO);
        return reader.settings;
    }

    private void readKeys(Section section, LossType loss) {
        section.keys().stream().filter(key -> !settings.has(key)).forEach(key -> readKey(key, loss));
    }

    private <T> void readKey(ConfigKey<T> key, LossType loss) {
        Assignment given = assignments.get(key.name());
        boolean isNull = given != null && given.isNull();
        if (isNull && key.type().whenNull().isPresent()) {
            settings = settings.with(key, key.type().whenNull().get());
            return;
        }
        Optional<T> value = given == null || isNull ? Optional.empty() : readGiven(key, given);
        value.or(() -> fallback(key, loss)).ifPresentOrElse(known -> settings = settings.with(key, known), () -> {
            if (given == null || isNull) {
                problems.note(key.name(), key.name() + " must be set", "; give it a value");
            }
        });
    }

    private <T> Optional<T> readGiven(ConfigKey<T> key, Assignment given) {
        try {
            T value = key.type().read(given, settings);
            List<String> refusals = key.refusals(value);
            refusals.forEach(refusal -> problems.note(key.name(), refusal));
            return Optional.of(value);
        } catch (Unreadable e) {
            problems.noteWhole(
                    key.name(),
                    e.message(key.name(), given.text() == null ? "" : given.text(), problems.at(key.name())));
        } catch (MmpoException e) {
            problems.noteWhole(key.name(), e.getMessage());
        }
        return Optional.empty();
    }

    /** The default of a loss; nothing where the key has to be set. */
    private <T> Optional<T> fallback(ConfigKey<T> key, LossType loss) {
        String text = key.fallbackFor(loss);
        return text == null
                ? key.type().whenNull()
                : Optional.of(key.type().read(Assignment.scalar(text, "the default"), settings));
    }
}

package io.mmpo.config;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A key that a run which goes on sets to another value than the run that it goes on with: text as in config.yaml. */
public record ConfigChange(String key, String then, String now) {
    /** savedConfig: a file that {@link TrainingConfig#toYaml} wrote. In the order of the documentation. */
    static List<ConfigChange> between(Path savedConfig, TrainingConfig config) {
        Map<String, Assignment> then = YamlFile.read(savedConfig);
        Map<String, Assignment> now = YamlFile.parse(config.toYaml(), savedConfig);
        List<ConfigChange> changes = new ArrayList<>();
        for (ConfigKey<?> key : ConfigKeys.ALL.values()) {
            if (key.mayChangeOnResuming()) {
                continue;
            }
            // A key that the checkpoint's program did not know yet had the effect of its default.
            String before = then.containsKey(key.name())
                    ? text(then.get(key.name()))
                    : key.fallbackFor(config.loss().type());
            String after = text(now.get(key.name()));
            if (!same(before, after)) {
                changes.add(new ConfigChange(key.name(), String.valueOf(before), String.valueOf(after)));
            }
        }
        return changes;
    }

    private static @Nullable String text(@Nullable Assignment assignment) {
        if (assignment == null) {
            return null;
        }
        return assignment.tree() == null ? assignment.text() : assignment.tree().toString();
    }

    private static boolean same(@Nullable String a, @Nullable String b) {
        if (a == null || b == null) {
            return a == null && b == null;
        }
        try {
            return a.equals(b) || Double.parseDouble(a) == Double.parseDouble(b);
        } catch (NumberFormatException e) {
            return false;
        }
    }

    @Override
    public String toString() {
        return key + " was " + then + " and is " + now;
    }
}

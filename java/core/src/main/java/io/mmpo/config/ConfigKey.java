package io.mmpo.config;

import io.mmpo.spec.LossType;
import java.util.Map;
import java.util.function.Function;

/**
 * A key of the configuration: its default, where a checked configuration holds its value, and its line in the documentation.
 * fallback: the default as text, empty where the key is unset. exceptions: losses with another default.
 */
record ConfigKey(
        String name,
        boolean required,
        String fallback,
        Map<LossType, String> exceptions,
        Function<TrainingConfig, Object> value,
        String meaning) {

    static ConfigKey of(String name, String fallback, Function<TrainingConfig, Object> value, String meaning) {
        return new ConfigKey(name, false, fallback, Map.of(), value, meaning);
    }

    static ConfigKey required(String name, Function<TrainingConfig, Object> value, String meaning) {
        return new ConfigKey(name, true, "", Map.of(), value, meaning);
    }

    ConfigKey except(LossType loss, String otherFallback) {
        return new ConfigKey(name, required, fallback, Map.of(loss, otherFallback), value, meaning);
    }

    String fallbackFor(LossType loss) {
        return exceptions.getOrDefault(loss, fallback);
    }

    /** The default as docs/configuration.md prints it. */
    String documentedDefault() {
        if (required) {
            return "required";
        }
        StringBuilder text = new StringBuilder(fallback.isEmpty() ? "unset" : "`" + fallback + "`");
        exceptions.forEach((loss, other) -> text.append("; ")
                .append(ConfigKeys.lowerCase(loss))
                .append(": `")
                .append(other)
                .append('`'));
        return text.toString();
    }
}

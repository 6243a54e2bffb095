package io.mmpo.config;

import io.mmpo.spec.TrackerKind;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The words of {@code report_to}. */
final class TrackerWords {
    static final String ALL = "all";
    private static final String NONE = "none";
    private static final String WANDB = "wandb";

    /** No words mean none. */
    static final ValueType<List<String>> TYPE = ValueType.<List<String>>of(
                    (given, before) -> read(given), TrackerWords::toYaml)
            .orWhenNull(List.of());

    private TrackerWords() {}

    static String of(TrackerKind kind) {
        return ValueType.lowerCase(kind);
    }

    private static List<String> read(Assignment given) {
        List<String> words = ValueTypes.words(given).stream()
                .map(word -> word.toLowerCase(Locale.ROOT))
                .distinct()
                .toList();
        if (words.contains(WANDB)) {
            throw new Unreadable("must be none, all, tensorboard or mlflow", "'wandb'")
                    .butWrite(
                            "Weights & Biases has no client for the JVM, and describes no protocol that one could be written for;"
                                    + " write report_to: tensorboard, whose files `wandb sync` uploads");
        }
        words.stream().filter(word -> !isKnown(word)).findFirst().ifPresent(word -> {
            throw new Unreadable("must be none, all, tensorboard or mlflow", "'" + Echo.of(word) + "'");
        });
        if (words.size() > 1 && (words.contains(NONE) || words.contains(ALL))) {
            throw new Unreadable(
                    "must be none or all alone, or a list of tensorboard and mlflow",
                    "'" + String.join(", ", words) + "'");
        }
        return words.equals(List.of(NONE)) ? List.of() : words;
    }

    private static boolean isKnown(String word) {
        return word.equals(NONE)
                || word.equals(ALL)
                || Arrays.stream(TrackerKind.values()).anyMatch(kind -> word.equals(of(kind)));
    }

    private static @Nullable Object toYaml(List<String> words) {
        return words.isEmpty() ? NONE : words.size() == 1 ? words.getFirst() : words;
    }
}

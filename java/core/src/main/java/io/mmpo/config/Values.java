package io.mmpo.config;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.nativelib.LossType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Turns the text of a key, or of its default, into a typed value; an error names the key and where it was set. */
final class Values {
    private static final Pattern DECIMAL = Pattern.compile("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?");
    private static final Pattern INTEGER = Pattern.compile("[+-]?\\d{1,18}");

    private final Map<String, Assignment> assignments;
    private final LossType loss;

    Values(Map<String, Assignment> assignments) {
        this.assignments = assignments;
        this.loss = readLoss();
    }

    LossType loss() {
        return loss;
    }

    String text(String key) {
        String text = optionalText(key);
        if (text == null) {
            throw MmpoException.configuration(
                    "%s must be set%s; give it a value%s",
                    key, at(key), ConfigKeys.named(key).required() ? "" : " or remove the key");
        }
        return text;
    }

    Path path(String key) {
        return Path.of(text(key));
    }

    Optional<Path> optionalPath(String key) {
        return Optional.ofNullable(optionalText(key)).map(Path::of);
    }

    Optional<String> optionalWord(String key) {
        return Optional.ofNullable(optionalText(key));
    }

    /** A list or a mapping; empty where the key is unset. */
    Optional<JsonNode> tree(String key) {
        Assignment assignment = assignments.get(key);
        if (assignment == null || (assignment.text() == null && !assignment.nested())) {
            return Optional.empty();
        }
        if (assignment.tree() == null) {
            throw wrong(key, "must be a list or a mapping");
        }
        return Optional.of(assignment.tree());
    }

    /** Words of a list, or of a text with commas; none where the key is unset. */
    List<String> words(String key) {
        Assignment assignment = assignments.get(key);
        if (assignment == null || !assignment.nested()) {
            String text = optionalText(key);
            return text == null
                    ? List.of()
                    : Arrays.stream(text.split(",")).map(String::strip).toList();
        }
        List<String> words = new ArrayList<>();
        for (JsonNode word : Objects.requireNonNull(assignment.tree())) {
            if (!word.isTextual()) {
                throw MmpoException.configuration("%s must be a list of words%s", key, at(key));
            }
            words.add(word.textValue());
        }
        return words;
    }

    /** Words, save that a text with commas is one regular expression where its parts are no names. */
    List<String> moduleNames(String key) {
        List<String> words = words(key);
        Assignment assignment = assignments.get(key);
        String text = assignment == null ? null : assignment.text();
        return text != null && !words.stream().allMatch(word -> word.matches("[\\w.-]+")) ? List.of(text) : words;
    }

    double number(String key) {
        return parseNumber(key, text(key));
    }

    int integer(String key) {
        return Math.toIntExact(parseInteger(key, text(key), Integer.MIN_VALUE, Integer.MAX_VALUE));
    }

    long longInteger(String key) {
        return parseInteger(key, text(key), Long.MIN_VALUE, Long.MAX_VALUE);
    }

    OptionalInt optionalInteger(String key) {
        return optionalText(key) == null ? OptionalInt.empty() : OptionalInt.of(integer(key));
    }

    StepCount steps(String key) {
        return new StepCount(number(key));
    }

    Optional<StepCount> optionalSteps(String key) {
        return optionalText(key) == null ? Optional.empty() : Optional.of(steps(key));
    }

    /** YAML 1.1's spellings: true, yes, on and their opposites. */
    boolean bool(String key) {
        return switch (text(key).toLowerCase(Locale.ROOT)) {
            case "true", "yes", "on" -> true;
            case "false", "no", "off" -> false;
            default -> throw wrong(key, "must be true or false");
        };
    }

    /** Text, where false means unset and YAML's other words for true mean "true". */
    Optional<String> optionalSwitch(String key) {
        String text = optionalText(key);
        if (text == null || List.of("false", "no", "off").contains(text.toLowerCase(Locale.ROOT))) {
            return Optional.empty();
        }
        return Optional.of(List.of("true", "yes", "on").contains(text.toLowerCase(Locale.ROOT)) ? "true" : text);
    }

    /** One of some words. YAML 1.1 reads a bare no as false; whoever wrote false where a strategy is wanted means no. */
    String choice(String key, String... choices) {
        String word = text(key);
        if (word.equalsIgnoreCase("false") && List.of(choices).contains("no")) {
            word = "no";
        }
        if (!List.of(choices).contains(word)) {
            throw wrong(key, "must be " + String.join(" or ", List.of(choices)));
        }
        return word;
    }

    /** "true", "false" or one of some words. */
    String switchOr(String key, String... choices) {
        String word = optionalSwitch(key).orElse("false");
        if (!word.equals("true") && !word.equals("false") && !List.of(choices).contains(word)) {
            throw wrong(key, "must be " + String.join(" or ", List.of(choices)) + ", or true or false");
        }
        return word;
    }

    <E extends Enum<E>> E constant(String key, Class<E> type) {
        String[] names = Arrays.stream(type.getEnumConstants())
                .map(ConfigKeys::lowerCase)
                .toArray(String[]::new);
        return Enum.valueOf(type, choice(key, names).toUpperCase(Locale.ROOT));
    }

    /** Where a key was set, as the end of a sentence's first part; empty for a default. */
    String at(String key) {
        Assignment assignment = assignments.get(key);
        return assignment == null ? "" : " (" + assignment.where() + ")";
    }

    private LossType readLoss() {
        Assignment assignment = assignments.get("loss_type");
        if (assignment != null && "sigmoid".equals(assignment.text())) {
            throw MmpoException.configuration(
                    "loss_type is sigmoid%s, which is TRL's name for DPO's loss; write loss_type: dpo",
                    at("loss_type"));
        }
        String text = assignment == null || assignment.text() == null
                ? ConfigKeys.named("loss_type").fallback()
                : assignment.text();
        return Arrays.stream(LossType.values())
                .filter(type -> ConfigKeys.lowerCase(type).equals(text))
                .findFirst()
                .orElseThrow(() -> wrong(
                        "loss_type",
                        "must be one of "
                                + Arrays.stream(LossType.values())
                                        .map(ConfigKeys::lowerCase)
                                        .collect(Collectors.joining(", "))));
    }

    private @Nullable String optionalText(String key) {
        Assignment assignment = assignments.get(key);
        if (assignment == null) {
            String fallback = ConfigKeys.named(key).fallbackFor(loss);
            return fallback.isEmpty() ? null : fallback;
        }
        if (assignment.nested()) {
            throw MmpoException.configuration("%s takes one value%s, and a list or a mapping was found", key, at(key));
        }
        return assignment.text();
    }

    private double parseNumber(String key, String text) {
        if (!DECIMAL.matcher(text).matches()) {
            throw wrong(key, "must be a number");
        }
        return Double.parseDouble(text);
    }

    private long parseInteger(String key, String text, long smallest, long largest) {
        if (!INTEGER.matcher(text).matches()) {
            throw wrong(key, "must be a whole number");
        }
        long value = Long.parseLong(text);
        if (value < smallest || value > largest) {
            throw wrong(key, "must be in [" + smallest + ", " + largest + "]");
        }
        return value;
    }

    private MmpoException wrong(String key, String wanted) {
        Assignment assignment = assignments.get(key);
        String found = assignment == null ? ConfigKeys.named(key).fallbackFor(loss) : assignment.text();
        return MmpoException.configuration("%s %s, got '%s'%s", key, wanted, found, at(key));
    }
}

package io.mmpo.config;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.spec.LossType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Turns the text of a key, or of its default, into a typed value. A text that cannot be read is noted, with the key and where it
 * was set, and the default stands in for it, so that all that is wrong with a configuration is known at once.
 */
final class Values {
    private static final Pattern DECIMAL = Pattern.compile("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?");
    private static final Pattern ZERO = Pattern.compile("[+-]?[0.]+([eE].*)?");
    private static final Pattern INTEGER = Pattern.compile("[+-]?\\d+");

    private final Map<String, Assignment> assignments;
    private final Map<String, String> problems = new LinkedHashMap<>();
    private final List<String> lossWords;
    private final LossType loss;

    Values(Map<String, Assignment> assignments) {
        this.assignments = assignments;
        this.lossWords = readLossWords();
        this.loss = LossKeys.named(lossWords.getFirst()).orElseThrow();
    }

    /** The first loss, which defaults depend on. */
    LossType loss() {
        return loss;
    }

    /** loss_type's words, at least one, each of which names a loss. */
    List<String> lossWords() {
        return lossWords;
    }

    List<LossType> losses() {
        return lossWords.stream()
                .map(word -> LossKeys.named(word).orElseThrow())
                .toList();
    }

    /** Notes a problem of a key, once; the message begins with it. */
    void refuse(String key, String message) {
        problems.putIfAbsent(key, message + at(key));
    }

    /** Keys whose text could not be read, each with what to say of it. */
    Map<String, String> problems() {
        return problems;
    }

    String text(String key) {
        String text = optionalText(key);
        if (text != null) {
            return text;
        }
        String fallback = ConfigKeys.named(key).fallbackFor(loss);
        if (fallback.isEmpty()) {
            problems.putIfAbsent(key, key + " must be set" + at(key) + "; give it a value");
        }
        return fallback;
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
            note(key, "must be a list or a mapping");
        }
        return Optional.ofNullable(assignment.tree());
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
                problems.put(key, key + " must be a list of words" + at(key));
                return List.of();
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
        return read(key, text(key), Values::parseNumber).orElseThrow();
    }

    /** Empty where the key is unset. */
    Optional<Double> optionalNumber(String key) {
        return Optional.ofNullable(optionalText(key)).flatMap(text -> read(key, text, Values::parseNumber));
    }

    /** Numbers of a list, or one; none where the key is unset. */
    List<Double> numbers(String key) {
        List<Double> numbers = new ArrayList<>();
        for (String word : words(key)) {
            read(key, word, Values::parseNumber).ifPresent(numbers::add);
        }
        return numbers;
    }

    /** A number, and 0 for null. */
    double numberOrNone(String key) {
        return assignments.containsKey(key) && optionalText(key) == null && !problems.containsKey(key)
                ? 0
                : number(key);
    }

    int integer(String key) {
        return read(key, text(key), text -> parseInteger(text, Integer.MIN_VALUE, Integer.MAX_VALUE))
                .orElseThrow()
                .intValue();
    }

    long longInteger(String key) {
        return read(key, text(key), text -> parseInteger(text, Long.MIN_VALUE, Long.MAX_VALUE))
                .orElseThrow();
    }

    OptionalInt optionalInteger(String key) {
        return Optional.ofNullable(optionalText(key))
                .flatMap(text -> read(key, text, digits -> parseInteger(digits, Integer.MIN_VALUE, Integer.MAX_VALUE)))
                .map(value -> OptionalInt.of(value.intValue()))
                .orElse(OptionalInt.empty());
    }

    /** As {@link #optionalInteger}, where 0 means that the key is unset. */
    OptionalInt optionalCount(String key) {
        OptionalInt count = optionalInteger(key);
        return count.equals(OptionalInt.of(0)) ? OptionalInt.empty() : count;
    }

    StepCount steps(String key) {
        return new StepCount(number(key));
    }

    /** Unset by null and by 0. */
    Optional<StepCount> optionalSteps(String key) {
        return Optional.ofNullable(optionalText(key))
                .flatMap(text -> read(key, text, Values::parseNumber))
                .filter(value -> value != 0)
                .map(StepCount::new);
    }

    /** YAML 1.1's spellings: true, yes, on and their opposites. */
    boolean bool(String key) {
        return read(key, text(key), text -> switch (text.toLowerCase(Locale.ROOT)) {
                    case "true", "yes", "on" -> true;
                    case "false", "no", "off" -> false;
                    default -> throw new Unreadable("must be true or false");
                })
                .orElseThrow();
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
        return read(key, text(key), text -> {
                    String word =
                            text.equalsIgnoreCase("false") && List.of(choices).contains("no") ? "no" : text;
                    if (!List.of(choices).contains(word)) {
                        throw new Unreadable("must be " + String.join(" or ", List.of(choices)));
                    }
                    return word;
                })
                .orElseThrow();
    }

    /** "true", "false" or one of some words. */
    String switchOr(String key, String... choices) {
        return read(key, optionalSwitch(key).orElse("false"), word -> {
                    if (!word.equals("true")
                            && !word.equals("false")
                            && !List.of(choices).contains(word)) {
                        throw new Unreadable("must be " + String.join(" or ", List.of(choices)) + ", or true or false");
                    }
                    return word;
                })
                .orElseThrow();
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

    private List<String> readLossWords() {
        Assignment assignment = assignments.get("loss_type");
        String fallback = ConfigKeys.named("loss_type").fallback();
        List<String> words = new ArrayList<>();
        if (assignment != null && assignment.tree() != null && assignment.nested()) {
            assignment.tree().forEach(word -> words.add(word.asText()));
        } else if (assignment != null && assignment.text() != null) {
            words.addAll(Arrays.stream(assignment.text().split(","))
                    .map(String::strip)
                    .toList());
        }
        List<String> unknown =
                words.stream().filter(word -> LossKeys.named(word).isEmpty()).toList();
        if (!unknown.isEmpty()) {
            problems.put(
                    "loss_type",
                    "loss_type must be one of %s, got '%s'%s"
                            .formatted(LossKeys.words(), Echo.of(unknown.getFirst()), at("loss_type")));
        }
        words.removeAll(unknown);
        return words.isEmpty() ? List.of(fallback) : List.copyOf(words);
    }

    /** Null where the key is null, or unset without a default. */
    private @Nullable String optionalText(String key) {
        Assignment assignment = assignments.get(key);
        if (assignment != null && !assignment.nested()) {
            return assignment.text();
        }
        if (assignment != null) {
            problems.put(key, key + " takes one value" + at(key) + ", and a list or a mapping was found");
        }
        String fallback = ConfigKeys.named(key).fallbackFor(loss);
        return fallback.isEmpty() ? null : fallback;
    }

    /** What is wanted in place of a text. */
    private static final class Unreadable extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Unreadable(String wanted) {
            super(wanted, null, false, false);
        }

        String wanted() {
            return Objects.requireNonNull(getMessage());
        }
    }

    /** The value of a text, else of the default; empty where there is none. */
    private <T> Optional<T> read(String key, String text, Function<String, T> parse) {
        try {
            return Optional.of(parse.apply(text));
        } catch (Unreadable e) {
            if (!problems.containsKey(key)) {
                note(key, e.wanted());
            }
            String fallback = ConfigKeys.named(key).fallbackFor(loss);
            return fallback.isEmpty() ? Optional.empty() : Optional.of(parse.apply(fallback));
        }
    }

    private static double parseNumber(String text) {
        if (!DECIMAL.matcher(text).matches()) {
            throw new Unreadable("must be a number");
        }
        double value = Double.parseDouble(text);
        if (Double.isInfinite(value)) {
            throw new Unreadable("must be a number of at most " + Double.MAX_VALUE);
        }
        if (value == 0 && !ZERO.matcher(text).matches()) {
            throw new Unreadable("must be 0 or a number of at least " + Double.MIN_VALUE);
        }
        return value;
    }

    private static long parseInteger(String text, long smallest, long largest) {
        if (!INTEGER.matcher(text).matches()) {
            throw new Unreadable("must be a whole number");
        }
        try {
            long value = Long.parseLong(text);
            if (value >= smallest && value <= largest) {
                return value;
            }
        } catch (NumberFormatException e) {
            // Digits that a long does not hold are outside of any range.
        }
        throw new Unreadable("must be a whole number from " + smallest + " to " + largest);
    }

    private void note(String key, String wanted) {
        Assignment assignment = assignments.get(key);
        String found = assignment == null ? ConfigKeys.named(key).fallbackFor(loss) : assignment.text();
        problems.put(key, "%s %s, got '%s'%s".formatted(key, wanted, found == null ? "" : Echo.of(found), at(key)));
    }
}

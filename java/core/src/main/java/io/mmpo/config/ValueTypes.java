package io.mmpo.config;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.files.UserHome;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;

/** Ways of writing a value that several keys share. */
final class ValueTypes {
    private static final Pattern DECIMAL = Pattern.compile("[+-]?(\\d+\\.?\\d*|\\.\\d+)([eE][+-]?\\d+)?");
    private static final Pattern ZERO = Pattern.compile("[+-]?[0.]+([eE].*)?");
    private static final Pattern DIGITS = Pattern.compile("[+-]?\\d+");
    private static final Pattern OCTAL = Pattern.compile("[+-]?0\\d+");
    private static final List<String> YES = List.of("true", "yes", "on");
    private static final List<String> NO = List.of("false", "no", "off");

    private ValueTypes() {}

    static final ValueType<String> TEXT = ValueType.scalar(text -> text, text -> text);

    /** A path, or something else that a key may name in its place. */
    static final ValueType<String> PLACE = ValueType.scalar(UserHome::expand, text -> text);

    static final ValueType<Path> PATH = ValueType.scalar(ValueTypes::parsePath, path -> path);

    static final ValueType<Double> NUMBER = ValueType.scalar(ValueTypes::parseNumber, value -> value);

    static final ValueType<Long> LONG =
            ValueType.scalar(text -> parseInteger(text, Long.MIN_VALUE, Long.MAX_VALUE), value -> value);

    static final ValueType<Integer> INTEGER =
            ValueType.scalar(text -> (int) parseInteger(text, Integer.MIN_VALUE, Integer.MAX_VALUE), value -> value);

    static final ValueType<OptionalInt> OPTIONAL_INTEGER = INTEGER.optional()
            .as(
                    value -> value.map(OptionalInt::of).orElse(OptionalInt.empty()),
                    value -> value.isPresent() ? Optional.of(value.getAsInt()) : Optional.empty());

    /** A number of things; 0 means that the key is unset. */
    static final ValueType<OptionalInt> COUNT =
            OPTIONAL_INTEGER.as(value -> value.equals(OptionalInt.of(0)) ? OptionalInt.empty() : value, value -> value);

    static final ValueType<StepCount> STEPS =
            ValueType.scalar(text -> new StepCount(parseNumber(text)), StepCount::toNumber);

    /** Steps; 0 means that the key is unset. */
    static final ValueType<Optional<StepCount>> OPTIONAL_STEPS =
            STEPS.optional().as(steps -> steps.filter(count -> count.value() != 0), steps -> steps);

    /** YAML 1.1's spellings: true, yes, on and their opposites. */
    static final ValueType<Boolean> FLAG = ValueType.scalar(
            text -> {
                if (!isYes(text) && !isNo(text)) {
                    throw new Unreadable("must be true or false");
                }
                return isYes(text);
            },
            value -> value);

    /** A text, where false means unset and YAML's other words for true mean "true". */
    static final ValueType<Optional<String>> SWITCH = TEXT.optional()
            .as(text -> text.filter(word -> !isNo(word)).map(word -> isYes(word) ? "true" : word), text -> text);

    /** Words of a list, or of a text with commas; none where the key is unset. */
    static final ValueType<List<String>> WORDS = ValueType.<List<String>>of(
                    (given, before) -> words(given), words -> words.isEmpty() ? null : words)
            .orWhenNull(List.of());

    /** Words, save that a text with commas is one regular expression where its parts are no names. */
    static final ValueType<List<String>> MODULE_NAMES = ValueType.<List<String>>of(
                    (given, before) -> {
                        List<String> words = words(given);
                        boolean areNames = words.stream().allMatch(word -> word.matches("[\\w.-]+"));
                        return given.text() != null && !areNames ? List.of(given.text()) : words;
                    },
                    words -> words.isEmpty() ? null : words)
            .orWhenNull(List.of());

    /** Numbers of a list, or one; none where the key is unset. */
    static final ValueType<List<Double>> NUMBERS = WORDS.as(
            words -> words.stream().map(ValueTypes::parseNumber).toList(),
            numbers -> numbers.stream().map(String::valueOf).toList());

    static boolean isYes(String text) {
        return YES.contains(text.toLowerCase(Locale.ROOT));
    }

    static boolean isNo(String text) {
        return NO.contains(text.toLowerCase(Locale.ROOT));
    }

    static List<String> words(Assignment given) {
        if (given.tree() == null) {
            return Arrays.stream(Objects.requireNonNull(given.text()).split(","))
                    .map(String::strip)
                    .toList();
        }
        List<String> words = new ArrayList<>();
        for (JsonNode word : given.tree()) {
            if (given.tree().isObject() || !word.isTextual()) {
                throw new Unreadable("must be a list of words", "'" + given.tree() + "'");
            }
            words.add(word.textValue());
        }
        return words;
    }

    static double parseNumber(String text) {
        if (!DECIMAL.matcher(text).matches()) {
            throw new Unreadable("must be a number", "'" + Echo.of(text) + "'");
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
        if (!DIGITS.matcher(text).matches()) {
            throw new Unreadable("must be a whole number");
        }
        if (OCTAL.matcher(text).matches()) { // 010 is 8 in YAML 1.1, as PyYAML reads it, and 10 elsewhere
            throw new Unreadable("must be a whole number without a 0 before it, which means octal digits to some");
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

    private static Path parsePath(String text) {
        try {
            if (!text.isBlank()) {
                return Path.of(UserHome.expand(text));
            }
        } catch (InvalidPathException e) {
            throw new Unreadable("must be a path (" + e.getReason() + ")");
        }
        throw new Unreadable("must be a path", "an empty text");
    }
}

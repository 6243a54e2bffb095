package io.mmpo.model;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

/**
 * A regular expression as Python's re reads it, over names of modules. The two languages differ in how they name groups, in what may
 * stand in brackets and in escapes; what Python has and Java has not (conditionals) is an IllegalArgumentException, and so is a
 * match that takes more steps than names of modules have a use for.
 */
final class ModuleNamePattern {
    private static final int MAX_LENGTH = 100_000;
    private static final int MAX_STEPS = 1_000_000;
    private static final Pattern QUANTIFIER = Pattern.compile("\\{(\\d*)(,?)(\\d*)}");

    private final String source;
    private final Pattern pattern;

    private ModuleNamePattern(String source, Pattern pattern) {
        this.source = source;
        this.pattern = pattern;
    }

    static ModuleNamePattern of(String source) {
        if (source.length() > MAX_LENGTH) {
            throw new IllegalArgumentException(
                    "a regular expression of " + source.length() + " characters is too long");
        }
        try {
            return new ModuleNamePattern(source, Pattern.compile(new Translation(source).java()));
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException(
                    "\"" + source + "\" is not a regular expression: " + e.getDescription(), e);
        } catch (StackOverflowError e) {
            throw new IllegalArgumentException("a regular expression is nested too deeply", e);
        }
    }

    /** re.fullmatch. */
    boolean fullMatch(String text) {
        return limited(() -> matcher(text).matches());
    }

    /** re.match: from the beginning, not to the end. */
    boolean matchesStart(String text) {
        return limited(() -> matcher(text).lookingAt());
    }

    /** The last group of re.match; null where nothing matches. */
    @Nullable
    String lastGroup(String text) {
        Matcher matcher = matcher(text);
        return limited(matcher::lookingAt) ? matcher.group(matcher.groupCount()) : null;
    }

    private Matcher matcher(String text) {
        return pattern.matcher(new Counted(text, new int[1]));
    }

    private interface Match {
        boolean run();
    }

    private boolean limited(Match match) {
        try {
            return match.run();
        } catch (StackOverflowError | TooManySteps e) {
            throw new IllegalArgumentException("the regular expression \"" + source + "\" takes too many steps", e);
        }
    }

    private static final class TooManySteps extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** Counts what a match reads: backtracking may take time that is exponential in the name's length. */
    private record Counted(String text, int[] steps) implements CharSequence {
        @Override
        public char charAt(int index) {
            if (++steps[0] > MAX_STEPS) {
                throw new TooManySteps();
            }
            return text.charAt(index);
        }

        @Override
        public int length() {
            return text.length();
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return text.substring(start, end);
        }

        @Override
        public String toString() {
            return text;
        }
    }

    /** One reading of the source from left to right. */
    private static final class Translation {
        private final String source;
        private final StringBuilder java = new StringBuilder();
        private final Map<String, String> groups = new HashMap<>();
        private int at;

        Translation(String source) {
            this.source = source;
        }

        String java() {
            while (at < source.length()) {
                char c = source.charAt(at);
                switch (c) {
                    case '\\' -> escape();
                    case '[' -> brackets();
                    case '(' -> open();
                    case '{' -> brace();
                    case '}' -> literal("\\}");
                    default -> literal(String.valueOf(c));
                }
            }
            return java.toString();
        }

        private void literal(String text) {
            java.append(text);
            at++;
        }

        private void escape() {
            if (at + 1 == source.length()) {
                throw unsupported("a backslash at the end");
            }
            char c = source.charAt(at + 1);
            switch (c) {
                case 'Z' -> java.append("\\z");
                case 'v' -> java.append("\\x0B");
                default -> {
                    if (Character.isLetter(c) && "AbBdDsSwWafnrtxu".indexOf(c) < 0) {
                        throw unsupported("\\" + c);
                    }
                    java.append('\\').append(c);
                }
            }
            at += 2;
        }

        /** Java's brackets nest and intersect; Python's hold characters. */
        private void brackets() {
            literal("[");
            if (at < source.length() && source.charAt(at) == '^') {
                literal("^");
            }
            int first = at;
            while (at < source.length() && (source.charAt(at) != ']' || at == first)) {
                char c = source.charAt(at);
                if (c == '\\') {
                    escape();
                } else {
                    literal("[]&".indexOf(c) >= 0 ? "\\" + c : String.valueOf(c));
                }
            }
            if (at == source.length()) {
                throw unsupported("a bracket that is not closed");
            }
            literal("]");
        }

        private void open() {
            if (source.startsWith("(?P<", at)) {
                int end = source.indexOf('>', at);
                String name = end < 0 ? "" : source.substring(at + 4, end);
                if (name.isEmpty() || groups.containsKey(name)) {
                    throw unsupported("a group's name");
                }
                groups.put(name, "g" + groups.size());
                java.append("(?<").append(groups.get(name)).append('>');
                at = end + 1;
            } else if (source.startsWith("(?P=", at)) {
                int end = source.indexOf(')', at);
                String group = groups.get(end < 0 ? "" : source.substring(at + 4, end));
                if (group == null) {
                    throw unsupported("a reference to no group");
                }
                java.append("\\k<").append(group).append('>');
                at = end + 1;
            } else if (source.startsWith("(?#", at)) {
                at = source.indexOf(')', at) + 1;
                if (at == 0) {
                    throw unsupported("a comment that is not closed");
                }
            } else if (source.startsWith("(?", at)) {
                extension();
            } else {
                literal("(");
            }
        }

        /** (?:, (?=, (?!, (?>, look-behinds, and flags, of which a, L and u are about text that is not ASCII. */
        private void extension() {
            int flags = at + 2;
            while (flags < source.length() && "aiLmsux-".indexOf(source.charAt(flags)) >= 0) {
                flags++;
            }
            if (flags > at + 2) {
                java.append("(?").append(source.substring(at + 2, flags).replaceAll("[aLu]", ""));
                at = flags;
                return;
            }
            boolean known = List.of("(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!").stream()
                    .anyMatch(start -> source.startsWith(start, at));
            if (!known) {
                throw unsupported(source.substring(at, Math.min(source.length(), at + 4)));
            }
            java.append("(?");
            at += 2;
        }

        /** A quantifier, or what Python takes for text. */
        private void brace() {
            Matcher quantifier = QUANTIFIER.matcher(source).region(at, source.length());
            boolean counts = quantifier.lookingAt()
                    && !(quantifier.group(1).isEmpty() && quantifier.group(2).isEmpty());
            if (!counts || quantifier.group(2).isEmpty() && !quantifier.group(3).isEmpty()) {
                literal("\\{");
                return;
            }
            String least = quantifier.group(1).isEmpty() ? "0" : quantifier.group(1);
            java.append('{')
                    .append(least)
                    .append(quantifier.group(2))
                    .append(quantifier.group(3))
                    .append('}');
            at = quantifier.end();
        }

        private IllegalArgumentException unsupported(String what) {
            return new IllegalArgumentException("\"" + source + "\" is not a regular expression that can be read: "
                    + what + " at character " + (at + 1));
        }
    }

    /** All of them, which are compiled once. */
    static List<ModuleNamePattern> all(List<String> sources) {
        List<ModuleNamePattern> patterns = new ArrayList<>();
        sources.forEach(source -> patterns.add(of(source)));
        return patterns;
    }
}

package io.mmpo.data.template;

import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;

/** Methods of Python's str. */
final class TextMethods {
    static final Set<String> NAMES = Set.of(
            "strip",
            "lstrip",
            "rstrip",
            "split",
            "rsplit",
            "splitlines",
            "startswith",
            "endswith",
            "upper",
            "lower",
            "title",
            "capitalize",
            "swapcase",
            "casefold",
            "replace",
            "find",
            "rfind",
            "index",
            "rindex",
            "count",
            "removeprefix",
            "removesuffix",
            "isdigit",
            "isdecimal",
            "isnumeric",
            "isalpha",
            "isalnum",
            "isspace",
            "isupper",
            "islower",
            "isascii",
            "join",
            "format",
            "center",
            "ljust",
            "rjust",
            "zfill",
            "expandtabs",
            "partition",
            "rpartition");

    private TextMethods() {}

    static Object call(String text, String name, Arguments given) {
        return switch (name) {
            case "strip" -> strip(text, given, true, true);
            case "lstrip" -> strip(text, given, true, false);
            case "rstrip" -> strip(text, given, false, true);
            case "split", "rsplit" -> split(text, name, given);
            case "splitlines" -> PythonText.lines(text, PythonValues.truth(given.bind(name, "keepends", false)[0]));
            case "startswith", "endswith" -> hasAffix(text, name, given);
            case "join" -> PythonText.join(texts(given.bind(name, "iterable", Arguments.REQUIRED)[0]), text);
            case "format" -> FormatMethod.format(text, given);
            case "replace" -> {
                Object[] bound = given.bind(name, "old", Arguments.REQUIRED, "new", Arguments.REQUIRED, "count", -1L);
                yield PythonText.replace(text, string(bound[0]), string(bound[1]), integer(bound[2]));
            }
            case "removeprefix" -> {
                String affix = only(given, name);
                yield text.startsWith(affix) ? text.substring(affix.length()) : text;
            }
            case "removesuffix" -> {
                String affix = only(given, name);
                yield text.endsWith(affix) ? text.substring(0, text.length() - affix.length()) : text;
            }
            case "find", "index", "rfind", "rindex", "count" -> search(text, name, given);
            case "partition", "rpartition" -> partition(text, only(given, name), name.startsWith("r"));
            case "center", "ljust", "rjust", "zfill", "expandtabs" -> pad(text, name, given);
            default -> {
                given.bind(name);
                yield plain(text, name);
            }
        };
    }

    private static Object plain(String text, String name) {
        RenderLimits.checkLong(text.length());
        return switch (name) {
            case "upper" -> PythonCase.upper(text);
            case "lower", "casefold" -> PythonCase.lower(name.equals("casefold") ? text.replace("ß", "ss") : text);
            case "title" -> PythonCase.title(text);
            case "capitalize" -> PythonCase.capitalize(text);
            case "swapcase" -> PythonCase.swapCase(text);
            case "isdigit", "isnumeric" -> all(text, Character::isDigit);
            case "isdecimal" -> all(text, Character::isDigit);
            case "isalpha" -> all(text, Character::isLetter);
            case "isalnum" -> all(text, Character::isLetterOrDigit);
            case "isspace" -> all(text, PythonText::isSpace);
            case "isascii" -> text.chars().allMatch(c -> c < 0x80);
            case "isupper" -> isUpper(text);
            case "islower" -> isLower(text);
            default -> throw new TemplateException("text has no method '" + name + "' here");
        };
    }

    static boolean isUpper(String text) {
        return text.codePoints().anyMatch(Character::isUpperCase)
                && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
    }

    static boolean isLower(String text) {
        return text.codePoints().anyMatch(Character::isLowerCase)
                && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
    }

    private static boolean all(String text, IntPredicate test) {
        return !text.isEmpty() && text.codePoints().allMatch(test);
    }

    private static String strip(String text, Arguments given, boolean left, boolean right) {
        Object wanted = given.bind("strip", "chars", null)[0];
        if (wanted == null) {
            return PythonText.strip(text, PythonText::isSpace, left, right);
        }
        int[] characters = string(wanted).codePoints().sorted().toArray();
        return PythonText.strip(text, c -> java.util.Arrays.binarySearch(characters, c) >= 0, left, right);
    }

    private static Object split(String text, String name, Arguments given) {
        Object[] bound = given.bind(name, "sep", null, "maxsplit", -1L);
        int limit = integer(bound[1]);
        boolean fromRight = name.startsWith("r");
        if (bound[0] == null) {
            return fromRight ? PythonText.splitAtSpacesFromRight(text, limit) : PythonText.splitAtSpaces(text, limit);
        }
        String separator = string(bound[0]);
        return fromRight ? PythonText.splitFromRight(text, separator, limit) : PythonText.split(text, separator, limit);
    }

    private static java.util.Iterator<?> texts(Object iterable) {
        java.util.Iterator<?> elements = PythonValues.iterator(iterable);
        return new PythonIterator(new java.util.Iterator<Object>() {
            @Override
            public boolean hasNext() {
                return elements.hasNext();
            }

            @Override
            public Object next() {
                return string(elements.next());
            }
        });
    }

    /** The argument is one affix or a tuple of them. */
    private static boolean hasAffix(String text, String name, Arguments given) {
        Object[] bound = given.bind(name, "affix", Arguments.REQUIRED, "start", null, "end", null);
        String part = PythonText.slice(text, new Slice(bound[1], bound[2], null));
        List<?> affixes = bound[0] instanceof PythonTuple tuple ? tuple : List.of(string(bound[0]));
        for (Object affix : affixes) {
            RenderLimits.tick();
            if (name.equals("startswith") ? part.startsWith(string(affix)) : part.endsWith(string(affix))) {
                return true;
            }
        }
        return false;
    }

    private static long search(String text, String name, Arguments given) {
        Object[] bound = given.bind(name, "sub", Arguments.REQUIRED, "start", null, "end", null);
        String wanted = string(bound[0]);
        Slice slice = new Slice(bound[1], bound[2], null);
        String part = PythonText.slice(text, slice);
        if (name.equals("count")) {
            return PythonText.count(part, wanted);
        }
        int at = name.startsWith("r")
                ? PythonText.lastIndexOf(part, wanted, part.length())
                : PythonText.indexOf(part, wanted, 0);
        if (at < 0) {
            if (name.endsWith("index")) {
                throw new TemplateException(name + " looks for text that is not there");
            }
            return -1;
        }
        int start = bound[1] == null
                ? 0
                : slice.over(text.codePointCount(0, text.length())).start();
        return start + part.codePointCount(0, at);
    }

    private static PythonTuple partition(String text, String separator, boolean fromRight) {
        if (separator.isEmpty()) {
            throw new TemplateException("partition needs a separator that is not empty");
        }
        int at = fromRight
                ? PythonText.lastIndexOf(text, separator, text.length())
                : PythonText.indexOf(text, separator, 0);
        RenderLimits.text(text.length());
        if (at < 0) {
            return fromRight ? PythonTuple.of("", "", text) : PythonTuple.of(text, "", "");
        }
        return PythonTuple.of(text.substring(0, at), separator, text.substring(at + separator.length()));
    }

    private static String pad(String text, String name, Arguments given) {
        if (name.equals("expandtabs")) {
            return expandTabs(text, integer(given.bind(name, "tabsize", 8L)[0]));
        }
        if (name.equals("zfill")) {
            Object width = given.bind(name, "width", Arguments.REQUIRED)[0];
            integer(width);
            boolean signed = text.startsWith("-") || text.startsWith("+");
            String digits = signed ? text.substring(1) : text;
            Object rest = PythonNumbers.subtract(width, signed ? 1L : 0L);
            return (signed ? text.substring(0, 1) : "") + PythonText.pad(digits, rest, "0", missing -> missing);
        }
        Object[] bound = given.bind(name, "width", Arguments.REQUIRED, "fillchar", " ");
        integer(bound[0]);
        String fill = string(bound[1]);
        if (fill.codePointCount(0, fill.length()) != 1) {
            throw new TemplateException(name + " fills with one character, found " + fill.length());
        }
        return switch (name) {
            case "center" -> PythonText.center(text, bound[0], fill);
            case "ljust" -> PythonText.pad(text, bound[0], fill, missing -> 0);
            default -> PythonText.pad(text, bound[0], fill, missing -> missing);
        };
    }

    private static String expandTabs(String text, int size) {
        StringBuilder out = new StringBuilder();
        int column = 0;
        int counted = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int spaces = size <= 0 ? 0 : size - column % size;
            RenderLimits.text(out.length() + (c == '\t' ? (long) spaces : 1L), counted);
            counted = out.length() + (c == '\t' ? spaces : 1);
            if (c == '\t') {
                out.repeat(' ', spaces);
                column += spaces;
            } else {
                out.append(c);
                column = c == '\n' || c == '\r' ? 0 : column + 1;
            }
        }
        return out.toString();
    }

    private static String only(Arguments given, String name) {
        return string(given.bind(name, "text", Arguments.REQUIRED)[0]);
    }

    static String string(Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw new TemplateException("a method of text wants text, found " + PythonValues.kindOf(value));
    }

    static int integer(Object value) {
        if (PythonNumbers.isInteger(value)) {
            return PythonNumbers.clamped(value);
        }
        throw new TemplateException("a method of text wants an integer, found " + PythonValues.kindOf(value));
    }
}

package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntPredicate;

/** Methods of Python's str and dict that chat templates call. */
final class PythonMethods {
    private PythonMethods() {}

    static Object call(Object base, String method, Object[] arguments) {
        return switch (base) {
            case CharSequence text -> ofText(text.toString(), method, arguments);
            case Map<?, ?> map -> ofMap(map, method, arguments);
            case null -> throw new TemplateException("'" + method + "' is no method of none");
            default -> throw new TemplateException("'" + method + "' is no method of what it is called on");
        };
    }

    private static Object ofText(String text, String method, Object[] arguments) {
        return switch (method) {
            case "strip" -> strip(text, arguments, true, true);
            case "lstrip" -> strip(text, arguments, true, false);
            case "rstrip" -> strip(text, arguments, false, true);
            case "split" -> split(text, arguments, false);
            case "rsplit" -> split(text, arguments, true);
            case "splitlines" -> List.of(text.split("\\r\\n|[\\n\\r\\u000b\\f\\u001c-\\u001e\\u0085\\u2028\\u2029]"));
            case "startswith" -> anyAffix(arguments, text::startsWith);
            case "endswith" -> anyAffix(arguments, text::endsWith);
            case "upper" -> text.toUpperCase(Locale.ROOT);
            case "lower" -> text.toLowerCase(Locale.ROOT);
            case "title" -> title(text);
            case "capitalize" -> capitalize(text);
            case "replace" -> replace(text, string(arguments, 0), string(arguments, 1), integer(arguments, 2, -1));
            case "find" -> (long) find(text, string(arguments, 0));
            case "count" -> (long) count(text, string(arguments, 0));
            case "removeprefix" ->
                text.startsWith(string(arguments, 0))
                        ? text.substring(string(arguments, 0).length())
                        : text;
            case "removesuffix" ->
                text.endsWith(string(arguments, 0))
                        ? text.substring(0, text.length() - string(arguments, 0).length())
                        : text;
            case "isdigit" -> !text.isEmpty() && text.codePoints().allMatch(Character::isDigit);
            case "isalpha" -> !text.isEmpty() && text.codePoints().allMatch(Character::isLetter);
            case "isupper" ->
                text.codePoints().anyMatch(Character::isUpperCase)
                        && text.codePoints().noneMatch(Character::isLowerCase);
            case "islower" ->
                text.codePoints().anyMatch(Character::isLowerCase)
                        && text.codePoints().noneMatch(Character::isUpperCase);
            case "join" -> join(PythonValues.list(argument(arguments, 0)), text);
            default -> throw new TemplateException("text has no method '" + method + "' here");
        };
    }

    private static Object ofMap(Map<?, ?> map, String method, Object[] arguments) {
        return switch (method) {
            case "get" -> {
                Object key = argument(arguments, 0);
                yield map.containsKey(key) ? map.get(key) : arguments.length > 1 ? arguments[1] : null;
            }
            case "items" -> items(map);
            case "keys" -> List.copyOf(map.keySet());
            case "values" -> Collections.unmodifiableList(new ArrayList<>(map.values()));
            default -> throw new TemplateException("a mapping has no method '" + method + "' here");
        };
    }

    static List<List<Object>> items(Map<?, ?> map) {
        List<List<Object>> items = new ArrayList<>();
        map.forEach((key, value) -> items.add(Arrays.asList(key, value)));
        return items;
    }

    private static String strip(String text, Object[] arguments, boolean left, boolean right) {
        if (arguments.length == 0 || arguments[0] == null) {
            return strip(text, PythonMethods::isSpace, left, right);
        }
        String wanted = string(arguments, 0);
        return strip(text, c -> wanted.indexOf(c) >= 0, left, right);
    }

    static String strip(String text, IntPredicate unwanted, boolean left, boolean right) {
        int start = 0;
        int end = text.length();
        while (left && start < end && unwanted.test(text.codePointAt(start))) {
            start += Character.charCount(text.codePointAt(start));
        }
        while (right && end > start && unwanted.test(text.codePointBefore(end))) {
            end -= Character.charCount(text.codePointBefore(end));
        }
        return text.substring(start, end);
    }

    /** Python's str.isspace. */
    static boolean isSpace(int c) {
        return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f) || c == 0x85 || Character.isSpaceChar(c);
    }

    private static List<String> split(String text, Object[] arguments, boolean fromRight) {
        int limit = integer(arguments, 1, -1);
        if (arguments.length == 0 || arguments[0] == null) {
            return splitAtSpaces(text);
        }
        String separator = string(arguments, 0);
        if (separator.isEmpty()) {
            throw new TemplateException("split needs a separator that is not empty");
        }
        PythonValues.requireSearchable(text.length(), separator.length());
        List<String> parts = new ArrayList<>();
        int start = 0;
        int end = text.length();
        while (limit < 0 || parts.size() < limit) {
            int at = fromRight ? text.lastIndexOf(separator, end - separator.length()) : text.indexOf(separator, start);
            if (at < 0) {
                break;
            }
            parts.add(fromRight ? text.substring(at + separator.length(), end) : text.substring(start, at));
            start = fromRight ? 0 : at + separator.length();
            end = fromRight ? at : end;
        }
        parts.add(text.substring(start, end));
        if (fromRight) {
            Collections.reverse(parts);
        }
        return parts;
    }

    private static List<String> splitAtSpaces(String text) {
        List<String> parts = new ArrayList<>();
        int start = -1;
        for (int i = 0; i <= text.length(); i++) {
            boolean space = i == text.length() || isSpace(text.charAt(i));
            if (space && start >= 0) {
                parts.add(text.substring(start, i));
                start = -1;
            } else if (!space && start < 0) {
                start = i;
            }
        }
        return parts;
    }

    private interface Affix {
        boolean test(String affix);
    }

    /** The argument is one affix or a tuple of them. */
    private static boolean anyAffix(Object[] arguments, Affix test) {
        return argument(arguments, 0) instanceof List<?> list
                ? list.stream().anyMatch(affix -> test.test(PythonValues.text(affix)))
                : test.test(string(arguments, 0));
    }

    static String replace(String text, String from, String to, int limit) {
        int occurrences = from.isEmpty() ? text.length() + 1 : count(text, from);
        int replaced = limit < 0 ? occurrences : Math.min(limit, occurrences);
        PythonValues.requireTextLength(text.length() + (long) replaced * (to.length() - from.length()));
        if (from.isEmpty()) {
            throw new TemplateException("replace needs text to look for");
        }
        StringBuilder out = new StringBuilder();
        int position = 0;
        for (int i = 0; i < replaced; i++) {
            int at = text.indexOf(from, position);
            out.append(text, position, at).append(to);
            position = at + from.length();
        }
        return out.append(text, position, text.length()).toString();
    }

    private static int find(String text, String part) {
        PythonValues.requireSearchable(text.length(), part.length());
        return text.indexOf(part);
    }

    private static int count(String text, String part) {
        PythonValues.requireSearchable(text.length(), part.length());
        int count = 0;
        for (int at = text.indexOf(part); at >= 0 && !part.isEmpty(); at = text.indexOf(part, at + part.length())) {
            count++;
        }
        return count;
    }

    static String join(List<?> parts, String separator) {
        long length = 0;
        List<String> texts = new ArrayList<>(parts.size());
        for (Object part : parts) {
            String text = PythonValues.text(part);
            length += text.length() + separator.length();
            PythonValues.requireTextLength(length);
            texts.add(text);
        }
        return String.join(separator, texts);
    }

    static String capitalize(String text) {
        if (text.isEmpty()) {
            return text;
        }
        int first = text.offsetByCodePoints(0, 1);
        return text.substring(0, first).toUpperCase(Locale.ROOT)
                + text.substring(first).toLowerCase(Locale.ROOT);
    }

    static String title(String text) {
        StringBuilder out = new StringBuilder(text.length());
        boolean inWord = false;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            out.append(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
            inWord = Character.isLetter(c);
        }
        return out.toString();
    }

    private static Object argument(Object[] arguments, int index) {
        if (index >= arguments.length) {
            throw new TemplateException("a method is called with too few arguments");
        }
        return arguments[index];
    }

    private static String string(Object[] arguments, int index) {
        if (argument(arguments, index) instanceof CharSequence text) {
            return text.toString();
        }
        throw new TemplateException("a method of text wants text as its argument, found something else");
    }

    private static int integer(Object[] arguments, int index, int otherwise) {
        return index < arguments.length && arguments[index] instanceof Number n ? n.intValue() : otherwise;
    }
}

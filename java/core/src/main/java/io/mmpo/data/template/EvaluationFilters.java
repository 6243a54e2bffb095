package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;

/** Filters that templates of evaluation tasks have beside Jinja2's. */
final class EvaluationFilters {
    private EvaluationFilters() {}

    static void addTo(Map<String, JinjaFilters.Filter> filters) {
        JinjaFilters.add(
                filters,
                "regex_replace",
                (value, a) -> replace(
                        PythonValues.text(value),
                        PythonValues.text(a[0]),
                        PythonValues.text(a[1]),
                        TextMethods.integer(a[2])),
                "pattern",
                Arguments.REQUIRED,
                "repl",
                Arguments.REQUIRED,
                "count",
                0L);
        JinjaFilters.add(
                filters,
                "regex_findall",
                (value, a) -> findAll(PythonValues.text(value), PythonValues.text(a[0])),
                "pattern",
                Arguments.REQUIRED);
        JinjaFilters.add(filters, "literal_eval", (value, a) -> PythonLiteral.parse(PythonValues.text(value)));
    }

    /** re.sub. */
    private static String replace(String text, String pattern, String replacement, long count) {
        String javaReplacement = PythonPattern.replacement(replacement);
        return PythonPattern.search(pattern, text, matcher -> replaced(matcher, javaReplacement, count));
    }

    private static String replaced(Matcher matcher, String javaReplacement, long count) {
        StringBuilder out = new StringBuilder();
        try {
            for (long i = 0; (count == 0 || i < count) && matcher.find(); i++) {
                matcher.appendReplacement(out, javaReplacement);
                RenderLimits.text(out.length());
            }
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            throw new TemplateException("the replacement names a group that the pattern does not have", e);
        }
        return matcher.appendTail(out).toString();
    }

    /** re.findall: whole matches, or their only group, or all of their groups. */
    private static List<Object> findAll(String text, String pattern) {
        return PythonPattern.search(pattern, text, EvaluationFilters::found);
    }

    private static List<Object> found(Matcher matcher) {
        List<Object> found = new ArrayList<>();
        while (matcher.find()) {
            RenderLimits.item(found.size());
            found.add(
                    switch (matcher.groupCount()) {
                        case 0 -> matcher.group();
                        case 1 -> orEmpty(matcher.group(1));
                        default -> {
                            List<Object> groups = new ArrayList<>();
                            for (int i = 1; i <= matcher.groupCount(); i++) {
                                groups.add(orEmpty(matcher.group(i)));
                            }
                            yield new PythonTuple(groups);
                        }
                    });
        }
        return found;
    }

    private static String orEmpty(String group) {
        return group == null ? "" : group;
    }
}

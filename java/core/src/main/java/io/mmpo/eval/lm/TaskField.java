package io.mmpo.eval.lm;

import io.mmpo.data.template.JinjaEnvironment;
import io.mmpo.data.template.JinjaTemplate;
import io.mmpo.data.template.PythonLiteral;
import io.mmpo.data.template.TemplateException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What a task makes of a row: a column where one has that name, else what a template renders to; or a value of the task's own. */
final class TaskField {
    private final String key;
    private final Object value;
    private final @Nullable JinjaTemplate template;

    /**
     * A field.
     *
     * @param key in the YAML: doc_to_text
     * @throws TemplateException if the text is no template
     */
    TaskField(String key, Object value) {
        this.key = key;
        this.value = value;
        this.template = value instanceof String text ? JinjaTemplate.compile(text, JinjaEnvironment.EVALUATION) : null;
    }

    String key() {
        return key;
    }

    /** The column, or the rendered text. */
    @Nullable
    Object raw(Map<String, Object> doc) {
        if (template == null) {
            return value;
        }
        return doc.containsKey(value) ? doc.get(value) : template.render(doc);
    }

    /** As the harness reads a rendered question: digits are the number of a choice where there are choices. */
    @Nullable
    Object question(Map<String, Object> doc, boolean hasChoices) {
        return numberOfChoice(raw(doc), hasChoices, doc);
    }

    /** The same of an answer, which may be a list of them too. */
    @Nullable
    Object target(Map<String, Object> doc, boolean hasChoices) {
        @Nullable Object target = numberOfChoice(raw(doc), hasChoices, doc);
        if (isColumn(doc) || !(target instanceof String text) || !text.startsWith("[") || !text.endsWith("]")) {
            return target;
        }
        try {
            return PythonLiteral.parse(text);
        } catch (TemplateException e) {
            return target; // a text in brackets
        }
    }

    private @Nullable Object numberOfChoice(@Nullable Object rendered, boolean hasChoices, Map<String, Object> doc) {
        boolean mayBeNumber = hasChoices && !isColumn(doc);
        return mayBeNumber && rendered instanceof String text && text.matches("[0-9]{1,9}")
                ? (Object) Long.parseLong(text)
                : rendered;
    }

    private boolean isColumn(Map<String, Object> doc) {
        return value instanceof String && doc.containsKey(value);
    }

    List<String> choices(Map<String, Object> doc) {
        Object choices = raw(doc);
        Object list = choices instanceof String text && !isColumn(doc) ? PythonLiteral.parse(text) : choices;
        if (!(list instanceof List<?> values) || values.isEmpty()) {
            throw new TaskException("must be a list of choices, and is " + found(list));
        }
        return values.stream().map(TaskField::text).toList();
    }

    String text(Map<String, Object> doc) {
        return text(raw(doc));
    }

    private static String text(@Nullable Object value) {
        if (value instanceof String text) {
            return text;
        }
        throw new TaskException("must be text, and is " + found(value));
    }

    private static String found(@Nullable Object value) {
        String text = Objects.toString(value);
        return value == null ? "nothing" : text.length() <= 80 ? text : text.substring(0, 80) + "…";
    }
}

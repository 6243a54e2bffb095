package io.mmpo.eval.lm;

import io.mmpo.MmpoException;
import io.mmpo.data.rows.TableRow;
import io.mmpo.data.template.TemplateException;
import io.mmpo.data.tokens.ChatTemplate;
import io.mmpo.eval.lm.Question.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Makes questions of a task's rows, with the harness's prompts. */
final class Questions {
    private final TaskSpec task;
    private final Examples examples;
    private final Optional<ChatTemplate> template;

    Questions(TaskSpec task, Examples examples, Optional<ChatTemplate> template) {
        this.task = task;
        this.examples = examples;
        this.template = template;
    }

    List<Question> of(List<TableRow> rows) {
        List<Question> questions = new ArrayList<>();
        for (TableRow row : rows) {
            try {
                questions.add(question(row, row.plain()));
            } catch (TemplateException | TaskException e) {
                throw MmpoException.of(
                        MmpoException.Kind.DATA,
                        e,
                        "%s",
                        row.error(
                                        "the task %s cannot make a question of it: %s",
                                        task.name(), String.valueOf(e.getMessage()))
                                .getMessage());
            }
        }
        return questions;
    }

    private Question question(TableRow row, Map<String, Object> doc) {
        List<String> choices =
                named(task.docToChoice(), field -> field.choices(doc)).orElse(List.of());
        boolean hasChoices = !choices.isEmpty();
        @Nullable Object text = named(task.docToText(), field -> field.question(doc, hasChoices));
        @Nullable Object target = named(task.docToTarget(), field -> field.target(doc, hasChoices));
        String prefix = genPrefix(doc);
        Prompt before = Prompt.describedBy(
                named(task.description(), field -> field.text(doc)).orElse(""));
        for (Map<String, Object> example : examples.before(doc)) {
            before = withExample(before, example);
        }
        // A question that is a number says which of several contexts is right, and the target continues each of them.
        boolean manyContexts = text instanceof Number && hasChoices;
        List<Request> requests = manyContexts
                ? contexts(before, choices, prefix, asText(target))
                : requests(before.withQuestion(asText(text), prefix, task.targetDelimiter()), choices, prefix, target);
        return new Question(
                row.row(), row.values(), target, choices, right(manyContexts ? text : target, choices), requests);
    }

    private Prompt withExample(Prompt before, Map<String, Object> example) {
        List<String> choices =
                named(task.docToChoice(), field -> field.choices(example)).orElse(List.of());
        @Nullable Object text = named(task.docToText(), field -> field.question(example, !choices.isEmpty()));
        @Nullable Object target = named(task.docToTarget(), field -> field.target(example, !choices.isEmpty()));
        String question =
                text instanceof Number number && !choices.isEmpty() ? choices.get(number.intValue()) : asText(text);
        String answer = target instanceof Number number && !choices.isEmpty() && !(text instanceof Number)
                ? choices.get(number.intValue())
                : asText(target instanceof List<?> several && !several.isEmpty() ? several.getFirst() : target);
        return before.withExample(
                question, genPrefix(example), answer, task.targetDelimiter(), task.fewshotDelimiter());
    }

    private List<Request> contexts(Prompt before, List<String> contexts, String prefix, String continuation) {
        return contexts.stream()
                .map(context -> new Request(
                        before.withQuestion(context, prefix, "").render(template), delimiter(prefix) + continuation))
                .toList();
    }

    private List<Request> requests(Prompt prompt, List<String> choices, String prefix, @Nullable Object target) {
        String context = prompt.render(template);
        return switch (task.outputType()) {
            case MULTIPLE_CHOICE ->
                choices.stream()
                        .map(choice -> new Request(context, delimiter(prefix) + choice))
                        .toList();
            case LOGLIKELIHOOD -> List.of(new Request(context, asText(target)));
            case GENERATE_UNTIL -> List.of(new Request(context, ""));
        };
    }

    /** A chat template ends where the answer begins. */
    private String delimiter(String prefix) {
        boolean isBare = template.isPresent()
                && (prefix.isEmpty() || Character.isWhitespace(prefix.charAt(prefix.length() - 1)));
        return isBare ? "" : task.targetDelimiter();
    }

    private String genPrefix(Map<String, Object> doc) {
        return named(task.genPrefix(), field -> field.text(doc)).orElse("");
    }

    private static List<Integer> right(@Nullable Object gold, List<String> choices) {
        List<Integer> right = new ArrayList<>();
        for (Object one : gold instanceof List<?> several ? several : List.of(gold == null ? "" : gold)) {
            int index = one instanceof Number number ? number.intValue() : choices.indexOf(one);
            if (index >= 0 && index < choices.size()) {
                right.add(index);
            }
        }
        return List.copyOf(right);
    }

    private static String asText(@Nullable Object value) {
        if (value == null) {
            throw new TaskException("has no value, and a text is wanted");
        }
        return value instanceof String text ? text : String.valueOf(value);
    }

    private static <T> Optional<T> named(Optional<TaskField> field, Function<TaskField, T> use) {
        return field.map(present -> named(present, use));
    }

    /** A failure names the field. */
    private static <T extends @Nullable Object> T named(TaskField field, Function<TaskField, T> use) {
        try {
            return use.apply(field);
        } catch (TemplateException | TaskException e) {
            throw new TaskException(field.key() + " " + e.getMessage(), e);
        }
    }
}

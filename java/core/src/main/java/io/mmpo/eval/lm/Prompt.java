package io.mmpo.eval.lm;

import io.mmpo.data.tokens.ChatTemplate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What comes before an answer: a description, examples with their answers, the question; as text or as a conversation. */
final class Prompt {
    /** delimiter: behind the content where the prompt is text. */
    private record Turn(String role, String content, String delimiter) {}

    private final List<Turn> turns;

    private Prompt(List<Turn> turns) {
        this.turns = turns;
    }

    static Prompt describedBy(String description) {
        return new Prompt(description.isEmpty() ? List.of() : List.of(new Turn("system", description, "")));
    }

    Prompt withExample(
            String question, String genPrefix, String answer, String targetDelimiter, String fewshotDelimiter) {
        boolean delimits = genPrefix.isEmpty() || needsSpace(question, genPrefix);
        return with(
                new Turn("user", question, delimits ? targetDelimiter : ""),
                new Turn("assistant", joined(genPrefix, answer), fewshotDelimiter));
    }

    /** delimiter: before the answer's own beginning. */
    Prompt withQuestion(String question, String genPrefix, String delimiter) {
        if (genPrefix.isEmpty()) {
            return with(new Turn("user", question, ""));
        }
        return with(
                new Turn("user", question, needsSpace(question, genPrefix) ? delimiter : ""),
                new Turn("assistant", genPrefix, ""));
    }

    private Prompt with(Turn... more) {
        List<Turn> all = new ArrayList<>(turns);
        all.addAll(List.of(more));
        return new Prompt(all);
    }

    private static String joined(String prefix, String answer) {
        if (prefix.isEmpty() || answer.isEmpty()) {
            return prefix + answer;
        }
        return needsSpace(prefix, answer) ? prefix + " " + answer : prefix + answer;
    }

    private static boolean needsSpace(String before, String after) {
        return !before.isEmpty()
                && !Character.isWhitespace(before.charAt(before.length() - 1))
                && !Character.isWhitespace(after.charAt(0));
    }

    String render(Optional<ChatTemplate> template) {
        if (template.isEmpty()) {
            StringBuilder text = new StringBuilder();
            turns.forEach(turn -> text.append(turn.content()).append(turn.delimiter()));
            return text.toString();
        }
        List<Map<String, Object>> messages = new ArrayList<>();
        for (Turn turn : turns) {
            Map<String, Object> message = new LinkedHashMap<>(); // in this order, which a template may print
            message.put("role", turn.role());
            message.put("content", turn.content());
            messages.add(message);
        }
        Turn last = turns.getLast();
        boolean continues = last.role().equals("assistant");
        String text = template.get().render(messages, !continues);
        return continues ? upTo(last.content(), text) : text;
    }

    /** Without what the template puts behind the answer that is to go on. */
    private static String upTo(String beginning, String rendered) {
        String stripped = beginning.strip();
        int start = rendered.lastIndexOf(stripped);
        if (start < 0) {
            throw new TaskException("is not in what the chat template makes of it");
        }
        String whole = beginning.stripLeading();
        return rendered.startsWith(whole, start)
                ? rendered.substring(0, start + whole.length())
                : rendered.substring(0, start + stripped.length());
    }
}

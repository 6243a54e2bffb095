package io.mmpo.data.rows;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Rows of preference pairs. */
public final class PreferenceShape extends RowShape {
    @Override
    public Set<String> keys() {
        return Set.of(
                "prompt",
                "chosen",
                "rejected",
                "system",
                "question",
                "input",
                "completion",
                "label",
                "tools",
                "chat_template_kwargs",
                "prompt_ids",
                "chosen_ids",
                "rejected_ids");
    }

    @Override
    public String accepted() {
        return "{prompt, chosen, rejected} with text or with lists of messages ({role, content}), {chosen, rejected} that begin "
                + "with the same prompt, {system, question (or input), chosen, rejected} with text, or tokenized: {prompt_ids, chosen_ids, "
                + "rejected_ids}; other names are mapped with columns (docs/data.md)";
    }

    @Override
    public Sample read(ObjectNode row, RowPlace place) {
        if (has(row, "chosen_ids") || has(row, "rejected_ids")) {
            return new Sample.Tokens(
                    ids(row, "prompt_ids", place),
                    new int[][] {ids(row, "chosen_ids", place), ids(row, "rejected_ids", place)});
        }
        if (has(row, "completion") && has(row, "label") && !has(row, "chosen")) {
            throw wrongShape(
                    row,
                    place,
                    "completion and label are KTO's single answers, and pairs are wanted: write the answer of a prompt whose label is true"
                            + " as chosen and one whose label is false as rejected");
        }
        for (String key : List.of("chosen", "rejected")) {
            if (!has(row, key)) {
                throw wrongShape(row, place, "a preference pair needs '" + key + "', which is missing");
            }
        }
        boolean conversation = isConversation(row.get("chosen"));
        if (conversation != isConversation(row.get("rejected"))) {
            throw wrongShape(
                    row, place, "chosen and rejected must be of one kind, but one is text and one a list of messages");
        }
        if (conversation) {
            return conversation(row, place);
        }
        if (has(row, "prompt")) {
            return text(row, place);
        }
        if (has(row, "question")) {
            return questionAndAnswers(row, "question", place);
        }
        // Orca's pairs as Argilla publishes them, whose chosen and rejected begin with no prompt.
        return has(row, "input") && row.has("system") ? questionAndAnswers(row, "input", place) : text(row, place);
    }

    /** Orca DPO pairs: a conversation of one question, after a system prompt if that is not empty. */
    private Sample questionAndAnswers(ObjectNode row, String question, RowPlace place) {
        List<Map<String, Object>> prompt = new ArrayList<>();
        if (has(row, "system") && !text(row, "system", place).isEmpty()) {
            prompt.add(message("system", text(row, "system", place)));
        }
        prompt.add(message("user", text(row, question, place)));
        return new Sample.Conversation(
                Optional.of(prompt),
                List.of(
                        List.of(message("assistant", text(row, "chosen", place))),
                        List.of(message("assistant", text(row, "rejected", place)))),
                TemplateVariables.of(row, place));
    }

    private static Map<String, Object> message(String role, String content) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }

    private Sample text(ObjectNode row, RowPlace place) {
        String chosen = text(row, "chosen", place);
        String rejected = text(row, "rejected", place);
        if (isConversation(row.get("prompt"))) {
            throw wrongShape(row, place, "prompt is a list of messages, so chosen and rejected must be too");
        }
        if (has(row, "prompt")) {
            return new Sample.Text(Optional.of(text(row, "prompt", place)), List.of(chosen, rejected));
        }
        int shared = PromptExtraction.sharedText(chosen, rejected);
        return new Sample.Text(
                Optional.of(chosen.substring(0, shared)),
                List.of(chosen.substring(shared), rejected.substring(shared)));
    }

    /**
     * A prompt that is text beside conversations repeats what they begin with (UltraFeedback-binarized is published so): it is
     * taken from them.
     */
    private Sample conversation(ObjectNode row, RowPlace place) {
        List<Map<String, Object>> chosen = messages(row, "chosen", place);
        List<Map<String, Object>> rejected = messages(row, "rejected", place);
        Map<String, Object> variables = TemplateVariables.of(row, place);
        if (isConversation(row.get("prompt"))) {
            return new Sample.Conversation(
                    Optional.of(messages(row, "prompt", place)), List.of(chosen, rejected), variables);
        }
        int shared = PromptExtraction.sharedMessages(chosen, rejected);
        if (has(row, "prompt") && shared == 0) {
            throw wrongShape(
                    row,
                    place,
                    "prompt is text while chosen and rejected are messages that do not begin with it; write the prompt as messages");
        }
        return new Sample.Conversation(
                Optional.of(chosen.subList(0, shared)),
                List.of(chosen.subList(shared, chosen.size()), rejected.subList(shared, rejected.size())),
                variables);
    }
}

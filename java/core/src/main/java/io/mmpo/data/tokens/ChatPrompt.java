package io.mmpo.data.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.data.rows.RowPlace;
import io.mmpo.data.rows.RowShape;
import io.mmpo.data.rows.TemplateVariables;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A {@code prompt} for a chat template: messages, and what else its row gives the template (tools, for one). */
public final class ChatPrompt {
    private final List<Map<String, Object>> messages;
    private final Map<String, Object> variables;
    private final Optional<RowPlace> place;

    private ChatPrompt(List<Map<String, Object>> messages, Map<String, Object> variables, Optional<RowPlace> place) {
        this.messages = messages;
        this.variables = variables;
        this.place = place;
    }

    /** A text as what the user says. */
    public static ChatPrompt ofText(String text) {
        Map<String, Object> message = new LinkedHashMap<>(); // in this order, which a template may print
        message.put("role", "user");
        message.put("content", text);
        return new ChatPrompt(List.of(message), Map.of(), Optional.empty());
    }

    /** Reads a row as training does; the prompt is text or a list of messages, tool calls and all. */
    public static ChatPrompt read(ObjectNode row, Path file, int line) {
        RowPlace place = RowPlace.line(file, line - 1, line);
        JsonNode prompt = row.path("prompt");
        List<Map<String, Object>> messages =
                prompt.isTextual() ? ofText(prompt.textValue()).messages : RowShape.messages(row, "prompt", place);
        return new ChatPrompt(messages, TemplateVariables.of(row, place), Optional.of(place));
    }

    public List<Map<String, Object>> messages() {
        return messages;
    }

    /** {@code tools}, and whatever {@code chat_template_kwargs} holds. */
    public Map<String, Object> variables() {
        return variables;
    }

    /** The text that ends with what opens the assistant's turn; an error names the row. */
    public String render(ChatTemplate template) {
        try {
            return template.render(messages, true, variables);
        } catch (MmpoException e) {
            throw place.map(at -> at.locate(e)).orElse(e);
        }
    }
}

package io.mmpo.data.rows;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Rows of supervised fine-tuning. */
public final class SftShape extends RowShape {
    @Override
    public Set<String> keys() {
        return Set.of(
                "messages",
                "conversations",
                "prompt",
                "completion",
                "text",
                "tools",
                "chat_template_kwargs",
                "prompt_ids",
                "completion_ids");
    }

    @Override
    public String accepted() {
        return "{messages} or {conversations} (a list of {role, content} or {from, value}), {prompt, completion} with text or with lists of messages, {text}, or "
                + "tokenized: {prompt_ids, completion_ids}; other names are mapped with columns (docs/data.md)";
    }

    @Override
    public Sample read(ObjectNode row, RowPlace place) {
        if (has(row, "completion_ids")) {
            return new Sample.Tokens(ids(row, "prompt_ids", place), new int[][] {ids(row, "completion_ids", place)});
        }
        if (has(row, "prompt") && has(row, "completion")) {
            return promptAndCompletion(row, place);
        }
        // TRL renames conversations of from/value to messages, whatever else there is, and knows no others.
        if (isFromValue(row.get("conversations"))) {
            return conversation(row, "conversations", place);
        }
        if (has(row, "messages")) {
            return conversation(row, "messages", place);
        }
        if (has(row, "text")) {
            return new Sample.Text(Optional.empty(), List.of(text(row, "text", place)));
        }
        if (has(row, "conversations")) {
            return conversation(row, "conversations", place);
        }
        throw wrongShape(row, place, "messages, prompt and completion, or text is wanted");
    }

    private static Sample conversation(ObjectNode row, String key, RowPlace place) {
        return new Sample.Conversation(
                Optional.empty(), List.of(messages(row, key, place)), TemplateVariables.of(row, place));
    }

    private Sample promptAndCompletion(ObjectNode row, RowPlace place) {
        boolean conversation = isConversation(row.get("prompt"));
        if (conversation != isConversation(row.get("completion"))) {
            throw wrongShape(
                    row,
                    place,
                    "prompt and completion must be of one kind, but one is text and one a list of messages");
        }
        return conversation
                ? new Sample.Conversation(
                        Optional.of(messages(row, "prompt", place)),
                        List.of(messages(row, "completion", place)),
                        TemplateVariables.of(row, place))
                : new Sample.Text(Optional.of(text(row, "prompt", place)), List.of(text(row, "completion", place)));
    }
}

package io.mmpo.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.mmpo.MmpoException;
import io.mmpo.data.tokens.ChatPrompt;
import io.mmpo.files.IoProblem;
import io.mmpo.files.Utf8;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** JSON lines with a prompt each: a text, or a list of messages with role and content, and perhaps tools. */
final class PromptFile {
    /** Numbers that nobody reads may be NaN, as in Python's JSON, or have any number of digits. */
    private static final ObjectMapper JSON = new ObjectMapper(JsonFactory.builder()
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .streamReadConstraints(
                    StreamReadConstraints.builder().maxNumberLength(100_000).build())
            .build());

    /** json: as it stood in the file; chat: what the chat template is given. */
    record Prompt(JsonNode json, ChatPrompt chat) {
        Prompt(String text) {
            this(new TextNode(text), ChatPrompt.ofText(text));
        }

        /** Without a chat template, messages are their contents, one after another. */
        String plainText() {
            StringBuilder text = new StringBuilder();
            for (Map<String, Object> message : chat.messages()) {
                if (!(message.get("content") instanceof String content)) {
                    throw MmpoException.data(
                            "A message whose content is no text needs a chat template, and the model has none. Give the prompt as text.");
                }
                text.append(text.isEmpty() ? "" : "\n").append(content);
            }
            return text.toString();
        }
    }

    private PromptFile() {}

    static List<Prompt> read(Path file) {
        if (!Files.isRegularFile(file)) {
            throw MmpoException.data("There is no file %s; give one with a prompt in every line's object", file);
        }
        List<Prompt> prompts = new ArrayList<>();
        try {
            String text = Utf8.read(file);
            int row = 0;
            for (String line : (Iterable<String>)
                    text.substring(text.startsWith("\ufeff") ? 1 : 0).lines()::iterator) {
                row++;
                if (!line.isBlank()) {
                    prompts.add(parse(line, file, row));
                }
            }
        } catch (IOException e) {
            throw MmpoException.of(MmpoException.Kind.DATA, e, "%s cannot be read: %s", file, IoProblem.of(e));
        }
        if (prompts.isEmpty()) {
            throw MmpoException.data("%s is empty; it must have a JSON object with a prompt in every line", file);
        }
        return prompts;
    }

    private static Prompt parse(String line, Path file, int row) {
        JsonNode object;
        try {
            object = JSON.readTree(line);
        } catch (JsonProcessingException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA, e, "Row %d of %s is not a JSON object: %s", row, file, IoProblem.of(e));
        }
        JsonNode prompt = object.get("prompt");
        boolean isText =
                prompt != null && prompt.isTextual() && !prompt.textValue().isEmpty();
        boolean isList = prompt != null && prompt.isArray() && !prompt.isEmpty();
        if (!(object instanceof ObjectNode fields) || (!isText && !isList)) {
            throw MmpoException.data(
                    "Row %d of %s must have a \"prompt\", a text or a list of messages with role and content, and has %s",
                    row, file, prompt == null ? "none" : "something else there");
        }
        return new Prompt(prompt, ChatPrompt.read(fields, file, row));
    }
}

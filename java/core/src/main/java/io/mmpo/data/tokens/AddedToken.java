package io.mmpo.data.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import java.nio.file.Path;

/**
 * A token that is found in a text before the tokenizer's model sees it.
 *
 * @param singleWord it must stand as a word
 * @param lstrip white space before it belongs to it; rstrip: behind it
 * @param normalized it is looked for in the normalized text, and not in the text as it is
 * @param special decoding may leave it out
 */
record AddedToken(
        String content, boolean singleWord, boolean lstrip, boolean rstrip, boolean normalized, boolean special) {
    /** What a bare text means where a special token is named. */
    static AddedToken special(String content) {
        return new AddedToken(content, false, false, false, false, true);
    }

    /** Of {@code {"content": ..., "lstrip": ...}}; unless it is said, what is not special is normalized. */
    static AddedToken of(JsonNode json, Path file) {
        if (!json.path("content").isTextual()) {
            throw MmpoException.data(
                    "%s: an added token is wanted as an object with content, found %s. Write {\"content\": \"<token>\", \"special\": true}.",
                    file, PrintableText.excerpt(json.toString()));
        }
        boolean special = json.path("special").asBoolean(false);
        return new AddedToken(
                json.path("content").textValue(),
                json.path("single_word").asBoolean(false),
                json.path("lstrip").asBoolean(false),
                json.path("rstrip").asBoolean(false),
                json.path("normalized").asBoolean(!special),
                special);
    }

    AddedToken asSpecial() {
        return new AddedToken(content, singleWord, lstrip, rstrip, normalized, true);
    }

    /** As tokenizer.json has it. The library numbers its tokens itself, in their order, and does not look at the id. */
    ObjectNode toJson() {
        return JsonNodeFactory.instance
                .objectNode()
                .put("id", 0)
                .put("content", content)
                .put("single_word", singleWord)
                .put("lstrip", lstrip)
                .put("rstrip", rstrip)
                .put("normalized", normalized)
                .put("special", special);
    }
}

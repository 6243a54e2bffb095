package io.mmpo.data.tokens;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import io.mmpo.files.IoProblem;
import io.mmpo.files.OptionalFile;
import io.mmpo.files.Utf8;
import java.io.IOException;
import java.nio.file.Path;

/**
 * A tokenizer.json: its outline as a tree, and what is long in it (vocabulary and merges) as the text that it is, since
 * reading that would take longer than all else.
 *
 * @param outline the whole file, but for {@code model.vocab} and {@code model.merges}
 * @param model the text of {@code model}; vocab, merges: empty where the model has none
 */
record TokenizerJson(Path file, ObjectNode outline, String model, String vocab, String merges) {
    /** Keys of a vocabulary are met once each: there is nothing to be gained from remembering them. */
    static final ObjectMapper MAPPER = new ObjectMapper(JsonFactory.builder()
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .build());

    static TokenizerJson read(Path file) {
        return new Scan(file, readText(file)).scan();
    }

    /** The file with another list of added tokens, and without what {@link PostProcessor} does. */
    String with(ArrayNode addedTokens) {
        ObjectNode rest = outline.deepCopy();
        rest.remove("model");
        rest.set("added_tokens", addedTokens);
        rest.putNull("post_processor");
        String text = rest.toString();
        return text.substring(0, text.length() - 1) + ",\"model\":" + (model.isEmpty() ? "null" : model) + "}";
    }

    static JsonNode readOptionalObject(Path file) {
        if (!OptionalFile.isThere(file)) {
            return MAPPER.createObjectNode();
        }
        JsonNode node;
        try {
            node = MAPPER.readTree(readText(file));
        } catch (JsonProcessingException e) {
            throw unreadable(file, e);
        }
        if (!node.isObject()) {
            throw MmpoException.data("%s: a JSON object is wanted, found %s.", file, node.getNodeType());
        }
        return node;
    }

    static String readText(Path file) {
        try {
            return Utf8.read(file);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    static MmpoException unreadable(Path file, IOException e) {
        String reason = e instanceof JsonProcessingException json ? IoProblem.of(json) : e.toString();
        return MmpoException.of(
                MmpoException.Kind.DATA,
                e,
                "%s cannot be read: %s. Fetch the file again; it may have been cut short while it was copied.",
                file,
                reason);
    }

    /** Reads the file once, from its beginning to its end. */
    private static final class Scan {
        private final Path file;
        private final String text;
        private final ObjectNode outline = MAPPER.createObjectNode();
        private String model = "";
        private String vocab = "";
        private String merges = "";

        Scan(Path file, String text) {
            this.file = file;
            this.text = text;
        }

        TokenizerJson scan() {
            try (JsonParser parser = MAPPER.createParser(text)) {
                if (parser.nextToken() != JsonToken.START_OBJECT) {
                    throw MmpoException.data("%s: a JSON object is wanted, found something else.", file);
                }
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String key = parser.currentName();
                    if (parser.nextToken() == JsonToken.START_OBJECT && key.equals("model")) {
                        int start = start(parser);
                        outline.set(key, readModel(parser));
                        model = text.substring(start, end(parser));
                    } else {
                        outline.set(key, MAPPER.<JsonNode>readTree(parser));
                    }
                }
            } catch (IOException e) {
                throw unreadable(file, e);
            }
            for (JsonNode token : outline.path("added_tokens")) {
                requireId(token.path("id").asLong(-1), token.path("content").asText());
            }
            return new TokenizerJson(file, outline, model, vocab, merges);
        }

        private ObjectNode readModel(JsonParser parser) throws IOException {
            ObjectNode members = MAPPER.createObjectNode();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String key = parser.currentName();
                JsonToken value = parser.nextToken();
                int start = start(parser);
                if (value.isScalarValue()) {
                    members.set(key, MAPPER.<JsonNode>readTree(parser));
                } else if (key.equals("vocab") && value == JsonToken.START_OBJECT) {
                    checkIds(parser);
                    vocab = text.substring(start, end(parser));
                } else {
                    parser.skipChildren();
                    switch (key) {
                        case "vocab" -> vocab = text.substring(start, end(parser));
                        case "merges" -> merges = text.substring(start, end(parser));
                        default -> {}
                    }
                }
            }
            return members;
        }

        private void checkIds(JsonParser parser) throws IOException {
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                if (parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
                    requireId(parser.getLongValue(), parser.currentName());
                } else {
                    parser.skipChildren(); // the library says what is wrong with it
                }
            }
        }

        /** Ids are kept in 32 bits, with a sign. */
        private void requireId(long id, String token) {
            if (id < 0 || id > Integer.MAX_VALUE) {
                throw MmpoException.data(
                        "%s: a token's id is wanted from 0 to %d, but '%s' has %d. Correct it, or save the tokenizer anew with transformers.",
                        file, Integer.MAX_VALUE, PrintableText.excerpt(token), id);
            }
        }

        private static int start(JsonParser parser) {
            return (int) parser.currentTokenLocation().getCharOffset();
        }

        private static int end(JsonParser parser) {
            return (int) parser.currentLocation().getCharOffset();
        }
    }
}

package io.mmpo.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.files.Utf8;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a Hugging Face model directory says about its tokenizer, read as transformers 5 reads it: tokenizer.json decides how
 * text becomes ids (its post-processor decides about BOS and EOS, not {@code add_bos_token}); tokenizer_config.json, and where
 * that has no {@code added_tokens_decoder} special_tokens_map.json, name the special tokens.
 *
 * @param definition tokenizer.json's text, with every named special token declared in it
 * @param specialTokens {@code bos_token}, {@code eos_token} and so on, by name
 * @param cutsAtWords whether {@link WordBoundary} says how to cut a text
 * @param chatTemplates by name; empty where the tokenizer has none
 * @param cleanUpSpaces whether decoding removes spaces before punctuation (never for BPE, as transformers 5 has it)
 */
record TokenizerFiles(
        Path directory,
        String definition,
        Map<String, String> specialTokens,
        boolean cleanUpSpaces,
        boolean cutsAtWords,
        Map<String, TemplateFiles.Source> chatTemplates) {
    static final String TOKENIZER = "tokenizer.json";
    static final String CONFIG = "tokenizer_config.json";
    static final String SPECIAL_TOKENS = "special_tokens_map.json";

    /** Keys of a vocabulary are met once each: there is nothing to be gained from remembering them. */
    private static final ObjectMapper MAPPER = new ObjectMapper(JsonFactory.builder()
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .build());

    static TokenizerFiles read(Path directory, Optional<Path> chatTemplatePath) {
        Path definitionFile = directory.resolve(TOKENIZER);
        if (!Files.isRegularFile(definitionFile)) {
            throw MmpoException.data(
                    "A tokenizer is wanted, but %s has no %s. Put the model's %s and %s there (a model that has only a SentencePiece "
                            + "tokenizer.model is converted by transformers' AutoTokenizer.from_pretrained(...).save_pretrained(...)), or give "
                            + "rows that are tokenized already (prompt_ids, chosen_ids, rejected_ids).",
                    directory, TOKENIZER, TOKENIZER, CONFIG);
        }
        JsonNode config = readOptionalObject(directory.resolve(CONFIG));
        Map<String, String> specialTokens =
                specialTokens(config, readOptionalObject(directory.resolve(SPECIAL_TOKENS)));
        String text = readText(definitionFile);
        ObjectNode outline = readOutline(text, definitionFile);
        Set<String> undeclared = new LinkedHashSet<>(specialTokens.values());
        outline.path("added_tokens")
                .forEach(token -> undeclared.remove(token.path("content").asText()));
        boolean cleanUp = config.path("clean_up_tokenization_spaces").asBoolean(false)
                && !"BPE".equals(outline.path("model").path("type").asText());
        return new TokenizerFiles(
                directory,
                undeclared.isEmpty() ? text : declare(undeclared, text, definitionFile),
                specialTokens,
                cleanUp,
                undeclared.isEmpty() && WordBoundary.separatesTokens(outline),
                chatTemplatePath
                        .map(TemplateFiles::named)
                        .orElseGet(() -> TemplateFiles.of(directory, config, directory.resolve(CONFIG))));
    }

    private static Map<String, String> specialTokens(JsonNode config, JsonNode specialTokensMap) {
        Map<String, String> tokens = new LinkedHashMap<>();
        addTokens(tokens, config);
        if (!config.has("added_tokens_decoder")) {
            addTokens(tokens, specialTokensMap);
        }
        return Collections.unmodifiableMap(tokens);
    }

    /** A token is written as its text or as an object with {@code content}; null means that there is none. */
    private static void addTokens(Map<String, String> tokens, JsonNode object) {
        object.properties().forEach(entry -> {
            JsonNode value = entry.getValue().isObject() ? entry.getValue().path("content") : entry.getValue();
            if (entry.getKey().endsWith("_token")
                    && value.isTextual()
                    && !value.textValue().isEmpty()) {
                tokens.put(entry.getKey(), value.textValue());
            }
        });
    }

    /**
     * Declares special tokens that only tokenizer_config.json names, as transformers does: a token of the vocabulary keeps its
     * id, a new one takes the next free id.
     */
    private static String declare(Set<String> tokens, String text, Path file) {
        try {
            ObjectNode root = (ObjectNode) MAPPER.readTree(text);
            ArrayNode added = root.withArray("added_tokens");
            Map<String, Integer> vocabulary = vocabulary(root.path("model").path("vocab"));
            int next = 1
                    + vocabulary.values().stream()
                            .mapToInt(Integer::intValue)
                            .max()
                            .orElse(-1);
            for (JsonNode token : added) {
                next = Math.max(next, token.path("id").asInt() + 1);
            }
            for (String token : tokens) {
                Integer known = vocabulary.get(token);
                added.addObject()
                        .put("id", known == null ? next++ : known)
                        .put("content", token)
                        .put("single_word", false)
                        .put("lstrip", false)
                        .put("rstrip", false)
                        .put("normalized", false)
                        .put("special", true);
            }
            return MAPPER.writeValueAsString(root);
        } catch (JsonProcessingException e) {
            throw unreadable(file, e);
        }
    }

    /** BPE and WordPiece keep {token: id}; Unigram keeps [[token, score], ...] in the order of ids. */
    private static Map<String, Integer> vocabulary(JsonNode vocab) {
        Map<String, Integer> ids = new LinkedHashMap<>();
        if (vocab.isArray()) {
            vocab.forEach(entry -> ids.put(entry.path(0).asText(), ids.size()));
        } else {
            vocab.properties()
                    .forEach(entry -> ids.put(entry.getKey(), entry.getValue().asInt()));
        }
        return ids;
    }

    private static JsonNode readOptionalObject(Path file) {
        if (!Files.isRegularFile(file)) {
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

    private static String readText(Path file) {
        try {
            return Utf8.read(file);
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    private static MmpoException unreadable(Path file, IOException e) {
        String reason = e instanceof JsonProcessingException json ? json.getOriginalMessage() : e.toString();
        return MmpoException.of(
                MmpoException.Kind.DATA,
                e,
                "%s cannot be read: %s. Fetch the file again; it may have been cut short while it was copied.",
                file,
                reason);
    }

    /** tokenizer.json without what is long in it: model.vocab and model.merges. */
    private static ObjectNode readOutline(String text, Path file) {
        ObjectNode outline = MAPPER.createObjectNode();
        try (JsonParser parser = MAPPER.createParser(text)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw MmpoException.data("%s: a JSON object is wanted, found something else.", file);
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String key = parser.currentName();
                JsonToken value = parser.nextToken();
                if (key.equals("model") && value == JsonToken.START_OBJECT) {
                    outline.set(key, readModel(parser));
                } else {
                    outline.set(key, MAPPER.<JsonNode>readTree(parser));
                }
            }
        } catch (IOException e) {
            throw unreadable(file, e);
        }
        return outline;
    }

    private static ObjectNode readModel(JsonParser parser) throws IOException {
        ObjectNode model = MAPPER.createObjectNode();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            if (parser.nextToken().isScalarValue()) {
                model.set(key, MAPPER.<JsonNode>readTree(parser));
            } else {
                parser.skipChildren();
            }
        }
        return model;
    }
}

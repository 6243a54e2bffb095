package io.mmpo.data.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The tokens that a model directory names outside of tokenizer.json's vocabulary, as transformers 5 gathers them: tokenizer_config.json
 * with {@code added_tokens_decoder}; where it has none special_tokens_map.json, which overrides it, added_tokens.json and tokenizer.json's
 * own {@code added_tokens}.
 */
final class TokenNames {
    /** In transformers' order, which is the order of new ids. */
    private static final List<String> NAMES =
            List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");

    private final Path directory;
    private final Map<String, JsonNode> settings = new LinkedHashMap<>();
    private final Map<Long, AddedToken> byId = new TreeMap<>();
    /** Special tokens that have other names: {@code image_token}, and those of an extra_special_tokens that is an object. */
    private final Map<String, JsonNode> modelSpecific = new LinkedHashMap<>();

    private final Map<String, AddedToken> named = new LinkedHashMap<>();
    private final List<AddedToken> extra = new ArrayList<>();

    private TokenNames(Path directory) {
        this.directory = directory;
    }

    static TokenNames read(Path directory, TokenizerJson definition, JsonNode config, TokenizerClass tokenizerClass) {
        TokenNames names = new TokenNames(directory);
        config.properties().forEach(entry -> names.settings.put(entry.getKey(), entry.getValue()));
        // Beside a tokenizer.json its post-processor decides.
        names.settings.keySet().removeAll(List.of("add_bos_token", "add_eos_token"));
        names.renameAdditional();
        names.moveModelSpecific();
        names.gather(definition);
        names.settle(definition, tokenizerClass);
        return names;
    }

    /** {@code bos_token} and so on, and what it is; in the order of new ids. */
    Map<String, AddedToken> named() {
        return named;
    }

    /** add_bos_token and add_eos_token: only special_tokens_map.json can still say them. */
    JsonNode setting(String key) {
        JsonNode value = settings.get(key);
        return value == null ? TokenizerJson.MAPPER.missingNode() : value;
    }

    /** A tokenizer's added tokens, of which it has these: those and, behind them, all that are named and new. */
    List<AddedToken> addTo(Collection<AddedToken> present) {
        List<AddedToken> all = new ArrayList<>(present);
        Set<String> known =
                present.stream().map(AddedToken::content).collect(Collectors.toCollection(LinkedHashSet::new));
        for (AddedToken token : byId.values()) {
            if (!present.contains(token)) {
                boolean isNamed = named.values().stream()
                        .anyMatch(special -> special.content().equals(token.content()));
                all.add(isNamed ? token.asSpecial() : token);
                known.add(token.content());
            }
        }
        Set<AddedToken> fresh = new LinkedHashSet<>();
        named.values().stream()
                .filter(token -> !known.contains(token.content()))
                .map(AddedToken::asSpecial)
                .forEach(fresh::add);
        extra.stream().filter(token -> !known.contains(token.content())).forEach(fresh::add);
        all.addAll(fresh);
        return all;
    }

    /** Every special token once: the named ones, then the others. */
    List<AddedToken> special() {
        Map<String, AddedToken> special = new LinkedHashMap<>();
        Stream.concat(named.values().stream(), extra.stream())
                .forEach(token -> special.putIfAbsent(token.content(), token));
        return List.copyOf(special.values());
    }

    private void renameAdditional() {
        if (settings.containsKey("additional_special_tokens") && isEmpty(settings.get("extra_special_tokens"))) {
            settings.put("extra_special_tokens", settings.remove("additional_special_tokens"));
        }
    }

    private void moveModelSpecific() {
        settings.entrySet().removeIf(setting -> {
            boolean moves = isModelSpecific(setting) && setting.getValue().isTextual();
            if (moves) {
                modelSpecific.put(setting.getKey(), setting.getValue());
            }
            return moves;
        });
        moveExtraObject();
    }

    private static boolean isModelSpecific(Map.Entry<String, JsonNode> setting) {
        return setting.getKey().endsWith("_token") && !NAMES.contains(setting.getKey());
    }

    private void moveExtraObject() {
        JsonNode object = settings.get("extra_special_tokens");
        if (object != null && object.isObject()) {
            settings.remove("extra_special_tokens");
            object.properties().forEach(entry -> modelSpecific.put(entry.getKey(), entry.getValue()));
        }
    }

    private void gather(TokenizerJson definition) {
        JsonNode decoder = settings.get("added_tokens_decoder");
        if (decoder != null) {
            Path file = directory.resolve(TokenizerFiles.CONFIG);
            decoder.properties()
                    .forEach(entry -> byId.put(id(entry.getKey(), file), AddedToken.of(entry.getValue(), file)));
            return;
        }
        mergeSpecialTokensMap();
        readAddedTokens();
        for (JsonNode token : definition.outline().path("added_tokens")) {
            byId.put(token.path("id").asLong(), AddedToken.of(token, definition.file()));
        }
    }

    private void mergeSpecialTokensMap() {
        Path file = directory.resolve(TokenizerFiles.SPECIAL_TOKENS);
        for (Map.Entry<String, JsonNode> entry :
                TokenizerJson.readOptionalObject(file).properties()) {
            JsonNode value = entry.getValue();
            if (entry.getKey().equals("extra_special_tokens") && value.isArray()) {
                Set<JsonNode> tokens = new LinkedHashSet<>();
                JsonNode present = settings.get(entry.getKey());
                if (present != null) {
                    present.forEach(tokens::add);
                }
                value.forEach(
                        token -> tokens.add(token instanceof ObjectNode object ? object.put("special", true) : token));
                settings.put(
                        entry.getKey(), TokenizerJson.MAPPER.createArrayNode().addAll(tokens));
            } else {
                settings.put(entry.getKey(), value);
            }
        }
        moveExtraObject();
    }

    private void readAddedTokens() {
        Path file = directory.resolve(TokenizerFiles.ADDED_TOKENS);
        Set<String> special = NAMES.stream()
                .map(settings::get)
                .filter(value -> value != null && !value.isNull())
                .map(value -> token(value, file).content())
                .collect(Collectors.toSet());
        JsonNode others = settings.get("extra_special_tokens");
        if (others != null) {
            others.forEach(value -> special.add(token(value, file).content()));
        }
        for (Map.Entry<String, JsonNode> entry :
                TokenizerJson.readOptionalObject(file).properties()) {
            boolean isSpecial = special.contains(entry.getKey());
            byId.put(
                    id(entry.getValue().asText(), file),
                    new AddedToken(entry.getKey(), false, false, false, !isSpecial, isSpecial));
        }
    }

    /** What every name means at last, in transformers' order. */
    private void settle(TokenizerJson definition, TokenizerClass tokenizerClass) {
        Map<String, AddedToken> byContent = new LinkedHashMap<>();
        byId.values().forEach(token -> byContent.put(token.content(), token));
        Map<String, String> defaults = new LinkedHashMap<>(tokenizerClass.specialTokens());
        JsonNode padding = definition.outline().path("padding").path("pad_token");
        if (padding.isTextual()) {
            defaults.putIfAbsent("pad_token", padding.textValue());
        }
        Path file = directory.resolve(TokenizerFiles.CONFIG);
        for (String name : NAMES) {
            JsonNode value = settings.get(name);
            String usual = defaults.getOrDefault(name, "");
            if (value == null && !usual.isEmpty()) {
                named.put(name, AddedToken.special(usual));
            } else if (value != null && !value.isNull() && !text(value).isEmpty()) {
                AddedToken token = namedToken(value, file);
                named.put(name, byContent.getOrDefault(token.content(), token));
            }
        }
        settings.entrySet().stream()
                .filter(setting -> isModelSpecific(setting) && isToken(setting.getValue()))
                .forEach(setting -> named.put(setting.getKey(), namedToken(setting.getValue(), file)));
        tokenizerClass.modelSpecificTokens().forEach((name, text) -> named.putIfAbsent(name, AddedToken.special(text)));
        modelSpecific.forEach((name, value) -> named.put(name, namedToken(value, file)));
        JsonNode others = settings.get("extra_special_tokens");
        if (others == null) {
            others = settings.get("additional_special_tokens");
        }
        if (others != null) {
            others.forEach(value -> extra.add(token(value, file)));
        } else {
            tokenizerClass.modelSpecificTokens().values().forEach(text -> extra.add(AddedToken.special(text)));
        }
    }

    private static boolean isToken(JsonNode value) {
        return value.isTextual() || value.path("content").isTextual();
    }

    private static boolean isEmpty(@Nullable JsonNode value) {
        return value == null || value.isNull() || value.isEmpty();
    }

    private static String text(JsonNode value) {
        return value.isTextual() ? value.textValue() : value.path("content").asText();
    }

    /** A text, or an object with its content and how it is found. */
    private static AddedToken token(JsonNode value, Path file) {
        return value.isTextual() ? AddedToken.special(value.textValue()) : AddedToken.of(value, file);
    }

    /** What has a name is special, and what is special is not normalized unless that is said. */
    private static AddedToken namedToken(JsonNode value, Path file) {
        return token(value instanceof ObjectNode object ? object.deepCopy().put("special", true) : value, file);
    }

    private static long id(String number, Path file) {
        try {
            long id = Long.parseLong(number);
            if (id >= 0 && id <= Integer.MAX_VALUE) {
                return id;
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw MmpoException.data(
                "%s: the id of an added token is wanted as a number from 0 to %d, found %s. Correct it, or save the tokenizer anew with "
                        + "transformers.",
                file, Integer.MAX_VALUE, PrintableText.excerpt(number));
    }
}

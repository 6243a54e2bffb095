package io.mmpo.data.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What a Hugging Face model directory says about its tokenizer, read as transformers 5 reads it: tokenizer.json, or what the
 * {@link TokenizerClass} makes of it, with every token that another file names ({@link TokenNames}).
 *
 * @param definition a tokenizer.json for the library, without post-processor
 * @param specialTokens {@code bos_token}, {@code eos_token} and so on, by name
 * @param chatTemplates by name; empty where the tokenizer has none
 * @param postProcessor what surrounds a text's ids
 * @param ends where a class or file says so, whether bos_token and eos_token surround them instead
 * @param cleanUpSpaces whether decoding removes spaces before punctuation (never for BPE, as transformers 5 has it)
 * @param cutsAtWords whether {@link WordBoundary} says how to cut a text
 * @param doubt what in the definition the library may break down over, if anything
 */
record TokenizerFiles(
        Path directory,
        String definition,
        Map<String, String> specialTokens,
        PostProcessor postProcessor,
        Optional<Ends> ends,
        boolean cleanUpSpaces,
        boolean cutsAtWords,
        Optional<String> doubt,
        Map<String, TemplateFiles.Source> chatTemplates) {
    static final String TOKENIZER = "tokenizer.json";
    static final String CONFIG = "tokenizer_config.json";
    static final String SPECIAL_TOKENS = "special_tokens_map.json";
    static final String ADDED_TOKENS = "added_tokens.json";
    /** Its model_type has a say in which class of tokenizer it is. */
    static final String MODEL = "config.json";

    /** Whether bos_token stands before a text, and eos_token behind it. */
    record Ends(boolean bos, boolean eos) {}

    static TokenizerFiles read(Path directory, Optional<Path> chatTemplatePath) {
        Path definitionFile = directory.resolve(TOKENIZER);
        if (!Files.isRegularFile(definitionFile)) {
            throw MmpoException.data(
                    "A tokenizer is wanted, but %s has no %s. Put the model's %s and %s there (a model that has only a SentencePiece "
                            + "tokenizer.model is converted by transformers' AutoTokenizer.from_pretrained(...).save_pretrained(...)), or give "
                            + "rows that are tokenized already (prompt_ids, chosen_ids, rejected_ids).",
                    directory, TOKENIZER, TOKENIZER, CONFIG);
        }
        JsonNode config = TokenizerJson.readOptionalObject(directory.resolve(CONFIG));
        requireWholeSpecialTokens(config, directory.resolve(CONFIG));
        TokenizerJson file = TokenizerJson.read(definitionFile);
        TokenizerClass tokenizerClass = TokenizerClass.of(directory, config);
        TokenNames names = TokenNames.read(directory, file, config, tokenizerClass);
        TokenizerJson built = tokenizerClass.takesFileAsItIs() ? file : tokenizerClass.rebuild(file, config, names);
        ArrayNode added = TokenizerJson.MAPPER.createArrayNode();
        addedTokens(file, tokenizerClass, names).forEach(token -> added.add(token.toJson()));
        ObjectNode outline = built.outline().deepCopy();
        outline.set("added_tokens", added);
        Map<String, String> specialTokens = new LinkedHashMap<>();
        names.named().forEach((name, token) -> specialTokens.put(name, token.content()));
        return new TokenizerFiles(
                directory,
                built.with(added),
                specialTokens,
                PostProcessor.of(file.outline().path("post_processor"), definitionFile),
                ends(tokenizerClass, names),
                cleansUp(config, outline),
                WordBoundary.separatesTokens(outline),
                KnownSteps.doubt(outline, definitionFile),
                chatTemplatePath
                        .map(TemplateFiles::named)
                        .orElseGet(() -> TemplateFiles.of(directory, config, directory.resolve(CONFIG))));
    }

    /** In the order in which transformers adds them; one that comes again takes the place of what it was. */
    private static List<AddedToken> addedTokens(TokenizerJson file, TokenizerClass tokenizerClass, TokenNames names) {
        Set<AddedToken> present = new LinkedHashSet<>();
        if (tokenizerClass.takesFileAsItIs()) {
            file.outline().path("added_tokens").forEach(token -> present.add(AddedToken.of(token, file.file())));
        }
        List<AddedToken> added = new ArrayList<>(names.addTo(present));
        switch (tokenizerClass) {
            case QWEN2 ->
                names.special().stream()
                        .map(token -> AddedToken.special(token.content()))
                        .forEach(added::add);
            case COHERE -> names.special().stream().map(AddedToken::asSpecial).forEach(added::add);
            default -> {}
        }
        return added;
    }

    private static Optional<Ends> ends(TokenizerClass tokenizerClass, TokenNames names) {
        JsonNode bos = names.setting("add_bos_token");
        JsonNode eos = names.setting("add_eos_token");
        boolean said = !bos.isMissingNode() || !eos.isMissingNode();
        return switch (tokenizerClass) {
            case CODE_LLAMA -> Optional.of(new Ends(bos.asBoolean(true), eos.asBoolean(false)));
            case GPT_NEOX -> Optional.of(new Ends(bos.asBoolean(false), eos.asBoolean(false)));
            default -> said ? Optional.of(new Ends(bos.asBoolean(false), eos.asBoolean(false))) : Optional.empty();
        };
    }

    private static boolean cleansUp(JsonNode config, JsonNode outline) {
        boolean forBpe = config.path("clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output")
                .asBoolean(false);
        return config.path("clean_up_tokenization_spaces").asBoolean(false)
                && (forBpe || !outline.path("model").path("type").asText().equals("BPE"));
    }

    private static void requireWholeSpecialTokens(JsonNode config, Path file) {
        if (config.path("split_special_tokens").asBoolean(false)) {
            throw MmpoException.data(
                    "%s: split_special_tokens is true, so that special tokens in a text would be split like any other text; that is not "
                            + "done here. Remove the key.",
                    file);
        }
    }
}

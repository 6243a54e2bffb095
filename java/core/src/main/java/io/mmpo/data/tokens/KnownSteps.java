package io.mmpo.data.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.PrintableText;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/**
 * Whether a tokenizer.json is made of steps over which the native library is known not to break down. It is written in Rust, and
 * where it panics it ends the whole process: a regular expression that tries too many ways to match does that, depending on the text. What
 * is not known here is tokenized in a process of its own ({@link IsolatedLibrary}).
 */
final class KnownSteps {
    private static final Set<String> NORMALIZERS = Set.of(
            "BertNormalizer",
            "Strip",
            "StripAccents",
            "NFC",
            "NFD",
            "NFKC",
            "NFKD",
            "Lowercase",
            "Nmt",
            "Prepend",
            "ByteLevel");
    private static final Set<String> PRE_TOKENIZERS = Set.of(
            "BertPreTokenizer",
            "ByteLevel",
            "CharDelimiterSplit",
            "Metaspace",
            "Whitespace",
            "Punctuation",
            "WhitespaceSplit",
            "Digits",
            "UnicodeScripts");
    private static final Set<String> DECODERS =
            Set.of("BPEDecoder", "ByteLevel", "WordPiece", "Metaspace", "CTC", "Fuse", "ByteFallback");
    private static final Set<String> MODELS = Set.of("BPE", "WordPiece", "WordLevel", "Unigram");

    /** Of GPT-4o, and of Mistral, whose words have no {@code 's}. */
    private static final String WORDS_BY_CASE =
            "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+%1$s"
                    + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*%1$s|\\p{N}%2$s| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*"
                    + "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    /** These need fewer tries than the library's limit for the longest text that is tokenized, whatever it is. */
    private static final Set<String> EXPRESSIONS = Set.of(
            WordBoundary.LLAMA3,
            WordBoundary.QWEN2,
            TokenizerClass.QWEN3_5_WORDS,
            WORDS_BY_CASE.formatted("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "{1,3}"),
            WORDS_BY_CASE.formatted("", ""),
            "\\p{N}{1,3}",
            "\\p{N}",
            "[0-9]",
            "[0-9][0-9][0-9]",
            "[\\r\\n]",
            " {2,}");

    private KnownSteps() {}

    /** The first step that is not known to be harmless; a damaged one is an error. */
    static Optional<String> doubt(JsonNode tokenizer, Path file) {
        return firstUnknown(tokenizer.path("normalizer"), "normalizers", file)
                .or(() -> firstUnknown(tokenizer.path("pre_tokenizer"), "pretokenizers", file))
                .or(() -> firstUnknown(tokenizer.path("decoder"), "decoders", file))
                .or(() -> isKnownModel(tokenizer.path("model")) ? Optional.empty() : Optional.of("model"));
    }

    private static Optional<String> firstUnknown(JsonNode step, String members, Path file) {
        if (step.isMissingNode() || step.isNull()) {
            return Optional.empty();
        }
        String type = step.path("type").asText();
        if (type.equals("Sequence")) {
            for (JsonNode member : step.path(members)) {
                Optional<String> unknown = firstUnknown(member, members, file);
                if (unknown.isPresent()) {
                    return unknown;
                }
            }
            return Optional.empty();
        }
        if (type.equals("Precompiled")) {
            Charsmap.check(step.path("precompiled_charsmap"), file);
            return Optional.empty();
        }
        boolean known = switch (members) {
            case "normalizers" -> NORMALIZERS.contains(type) || (type.equals("Replace") && isKnownPattern(step));
            case "pretokenizers" -> PRE_TOKENIZERS.contains(type) || (type.equals("Split") && isKnownPattern(step));
            default -> isKnownDecoder(type, step);
        };
        return known ? Optional.empty() : Optional.of(describe(type, step));
    }

    private static boolean isKnownDecoder(String type, JsonNode step) {
        return switch (type) {
            case "Replace" -> isKnownPattern(step);
            case "Strip" ->
                step.path("stop").asInt(1) == 0; // from both ends of a token that is all of it, it breaks down
            default -> DECODERS.contains(type);
        };
    }

    private static boolean isKnownPattern(JsonNode step) {
        JsonNode pattern = step.path("pattern");
        return !pattern.path("String").asText("").isEmpty()
                || EXPRESSIONS.contains(pattern.path("Regex").asText(""));
    }

    private static boolean isKnownModel(JsonNode model) {
        JsonNode prefix = model.path("continuing_subword_prefix");
        boolean cutsMerges =
                model.path("type").asText().equals("BPE") && !prefix.asText("").isEmpty() && !prefix.isNull();
        return MODELS.contains(model.path("type").asText("BPE")) && !cutsMerges;
    }

    private static String describe(String type, JsonNode step) {
        JsonNode expression = step.path("pattern").path("Regex");
        return expression.isTextual()
                ? "the regular expression " + PrintableText.excerpt(expression.textValue()) + " of " + type
                : type.isEmpty() ? PrintableText.excerpt(step.toString()) : type;
    }
}

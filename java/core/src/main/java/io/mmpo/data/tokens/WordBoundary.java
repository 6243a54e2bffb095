package io.mmpo.data.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Where a text can be cut so that the ids of its parts, one after another, are those of the whole: between a letter and a space
 * that a letter follows ({@code one| two}), of the alphabet a to z. GPT-2's rule for words and those made from it begin a word there whatever
 * stands on either side: they scan from left to right, do not look back, no word has a space after a letter, and what they look
 * ahead for is white space at the end of white space. Byte-pair merges stay inside a word.
 */
final class WordBoundary {
    static final String LLAMA3 =
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    static final String QWEN2 = LLAMA3.replace("{1,3}", "");
    private static final Set<String> RULES = Set.of(LLAMA3, QWEN2);
    private static final Pattern LETTER_AND_SPACE = Pattern.compile("[A-Za-z] ");

    private WordBoundary() {}

    /** Whether that holds of a tokenizer.json (vocabulary and merges may be missing): false wherever something is not known here. */
    static boolean separatesTokens(JsonNode tokenizer) {
        JsonNode model = tokenizer.path("model");
        return model.path("type").asText().equals("BPE")
                && (model.path("dropout").isNull() || model.path("dropout").isMissingNode())
                && members(tokenizer.path("normalizer"), "normalizers").stream()
                        .allMatch(WordBoundary::isKnownNormalizer)
                && isKnown(members(tokenizer.path("pre_tokenizer"), "pretokenizers"))
                && leavesAlone(tokenizer.path("added_tokens"));
    }

    /** Of a sequence its steps; none where there is nothing. */
    private static List<JsonNode> members(JsonNode step, String name) {
        List<JsonNode> steps = new ArrayList<>();
        if (step.path("type").asText().equals("Sequence")) {
            step.path(name).forEach(member -> steps.addAll(members(member, name)));
        } else if (step.isObject()) {
            steps.add(step);
        }
        return steps;
    }

    /** A letter before a space and the space itself are composed with nothing. */
    private static boolean isKnownNormalizer(JsonNode normalizer) {
        return normalizer.path("type").asText().equals("NFC");
    }

    /** One rule for words, in bytes, and before it digits may have been taken out. */
    private static boolean isKnown(List<JsonNode> preTokenizers) {
        int rules = 0;
        for (JsonNode step : preTokenizers) {
            switch (step.path("type").asText()) {
                case "Digits" -> {}
                case "ByteLevel" -> {
                    if (step.path("add_prefix_space").asBoolean(true)) {
                        return false;
                    }
                    rules += step.path("use_regex").asBoolean(true) ? 1 : 0;
                }
                case "Split" -> {
                    if (!RULES.contains(step.path("pattern").path("Regex").asText())
                            || !step.path("behavior").asText().equals("Isolated")
                            || step.path("invert").asBoolean(true)) {
                        return false;
                    }
                    rules++;
                }
                default -> {
                    return false;
                }
            }
        }
        return rules == 1;
    }

    /** No added token can lie on both sides. */
    private static boolean leavesAlone(JsonNode addedTokens) {
        for (JsonNode token : addedTokens) {
            String content = token.path("content").asText();
            boolean takesSpaceAfter = token.path("rstrip").asBoolean(false) && endsInLetter(content);
            if (takesSpaceAfter || LETTER_AND_SPACE.matcher(content).find()) {
                return false;
            }
        }
        return true;
    }

    private static boolean endsInLetter(String text) {
        return !text.isEmpty() && isLetter(text.charAt(text.length() - 1));
    }

    private static boolean isLetter(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    }

    /** The last such place in what all the texts begin with; 0 where there is none. */
    static int lastShared(List<String> texts) {
        String first = texts.getFirst();
        int shared = first.length();
        for (String text : texts) {
            shared = commonPrefix(first, text, shared);
        }
        for (int i = shared - 2; i > 0; i--) {
            if (first.charAt(i) == ' ' && isLetter(first.charAt(i - 1)) && isLetter(first.charAt(i + 1))) {
                return i;
            }
        }
        return 0;
    }

    private static int commonPrefix(String a, String b, int limit) {
        int end = Math.min(limit, b.length());
        int i = 0;
        while (i < end && a.charAt(i) == b.charAt(i)) {
            i++;
        }
        return i;
    }
}

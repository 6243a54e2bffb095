package io.mmpo.quickstart;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Learns a byte-level BPE vocabulary as GPT-2's tokenizer has it: text is cut into words, each with the space before it, words
 * are bytes, and the pair of neighbours seen most often becomes a new token, again and again. Every text has a tokenization.
 */
final class BytePairTrainer {
    /** How the tokenizers library's ByteLevel pre-tokenizer cuts text. */
    private static final Pattern WORD =
            Pattern.compile("'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+");

    private static final int LEAST_COUNT = 2;

    record Merge(String left, String right) {
        String token() {
            return left + right;
        }
    }

    /** A word's tokens and how often the word occurs. */
    private record Word(List<String> tokens, int count) {}

    private BytePairTrainer() {}

    /** The merges in the order in which they apply; fewer than asked for where no pair occurs twice any more. */
    static List<Merge> learn(List<String> texts, int mostMerges) {
        List<Word> words = new ArrayList<>();
        countWords(texts).forEach((word, count) -> words.add(new Word(bytes(word), count)));
        List<Merge> merges = new ArrayList<>();
        while (merges.size() < mostMerges) {
            Optional<Merge> best = mostFrequent(words);
            if (best.isEmpty()) {
                break;
            }
            merges.add(best.get());
            words.forEach(word -> apply(best.get(), word.tokens()));
        }
        return merges;
    }

    private static Map<String, Integer> countWords(List<String> texts) {
        Map<String, Integer> counts = new TreeMap<>();
        for (String text : texts) {
            Matcher word = WORD.matcher(text);
            while (word.find()) {
                counts.merge(word.group(), 1, Integer::sum);
            }
        }
        return counts;
    }

    /** Empty where no pair occurs often enough. Of pairs seen equally often the first in the alphabet is taken. */
    private static Optional<Merge> mostFrequent(List<Word> words) {
        Map<Merge, Integer> counts = new HashMap<>();
        for (Word word : words) {
            for (int i = 0; i + 1 < word.tokens().size(); i++) {
                counts.merge(new Merge(word.tokens().get(i), word.tokens().get(i + 1)), word.count(), Integer::sum);
            }
        }
        Comparator<Map.Entry<Merge, Integer>> byCount = Map.Entry.comparingByValue(Comparator.reverseOrder());
        return counts.entrySet().stream()
                .filter(entry -> entry.getValue() >= LEAST_COUNT)
                .min(byCount.thenComparing(entry -> entry.getKey().left())
                        .thenComparing(entry -> entry.getKey().right()))
                .map(Map.Entry::getKey);
    }

    private static void apply(Merge merge, List<String> tokens) {
        for (int i = 0; i + 1 < tokens.size(); i++) {
            if (tokens.get(i).equals(merge.left()) && tokens.get(i + 1).equals(merge.right())) {
                tokens.set(i, merge.token());
                tokens.remove(i + 1);
            }
        }
    }

    private static List<String> bytes(String word) {
        List<String> tokens = new ArrayList<>();
        for (byte b : word.getBytes(StandardCharsets.UTF_8)) {
            tokens.add(alphabet().get(b & 0xff));
        }
        return tokens;
    }

    /** A printable character for each of the 256 bytes: itself, or where it is not printable the next one from U+0100 on. */
    static List<String> alphabet() {
        List<String> alphabet = new ArrayList<>();
        int next = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
            alphabet.add(Character.toString(printable ? b : next++));
        }
        return alphabet;
    }
}

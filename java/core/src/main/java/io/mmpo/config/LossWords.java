package io.mmpo.config;

import io.mmpo.spec.LossType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The words of loss_type: TRL's, of its DPO, CPO and ORPO trainers, and this project's. */
final class LossWords {
    /** DPO's loss without a reference. */
    static final String CPO = "cpo";

    /** TRL's word for SimPO with {@code alpha}. */
    static final String ALPHAPO = "alphapo";

    /** How loss_type is written: a word, a list of them, or a text with commas. */
    static final ValueType<List<String>> TYPE =
            ValueType.of((given, before) -> read(given), words -> words.size() == 1 ? words.getFirst() : words);

    private LossWords() {}

    /** The loss of a word. */
    static Optional<LossType> named(String word) {
        return word.equals(CPO) ? Optional.of(LossType.DPO) : LossType.named(word);
    }

    static List<LossType> types(List<String> words) {
        return words.stream().map(word -> named(word).orElseThrow()).toList();
    }

    private static List<String> read(Assignment given) {
        List<String> words = ValueTypes.words(given);
        for (String word : words) {
            if (named(word).isEmpty()) {
                throw new Unreadable("must be one of " + String.join(", ", all()), "'" + Echo.of(word) + "'");
            }
        }
        return words;
    }

    private static List<String> all() {
        List<String> words = new ArrayList<>();
        Arrays.stream(LossType.values()).forEach(type -> type.word().ifPresent(words::add));
        words.add(CPO);
        return words;
    }
}

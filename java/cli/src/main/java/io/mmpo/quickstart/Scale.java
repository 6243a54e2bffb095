package io.mmpo.quickstart;

/**
 * How large the miniature is.
 *
 * @param factsPerTopic the first so many of each topic
 * @param repetitions good and faulty answers, and pairs, for each question of training
 * @param mostMerges of the tokenizer's vocabulary
 * @param sftEpochs passes over the demonstrations
 * @param preferenceEpochs passes over the pairs
 */
record Scale(
        int factsPerTopic,
        int repetitions,
        int mostMerges,
        RandomLlama.Shape shape,
        int sftEpochs,
        int preferenceEpochs) {
    /** About two minutes on two cores. */
    static final Scale FULL = new Scale(20, 3, 1000, new RandomLlama.Shape(128, 384, 3, 4, 2), 8, 2);

    /** For tests: seconds; too small to be worth reading its answers. */
    static final Scale FAST = new Scale(4, 1, 150, new RandomLlama.Shape(32, 64, 2, 4, 2), 4, 1);
}

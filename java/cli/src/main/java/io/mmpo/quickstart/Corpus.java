package io.mmpo.quickstart;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * The miniature's data, all from a seed. Every fact is asked in most of its topic's ways in training, in one for validation and
 * in one for the test: held-out questions are new wordings of known facts.
 */
record Corpus(Split train, Split validation, Split test) {
    /** demonstrations: for SFT, good and faulty answers mixed half and half. pairs: a good answer before a faulty one. */
    record Split(List<Example> examples, List<Demonstration> demonstrations, List<Pair> pairs) {}

    record Demonstration(Example example, String answer) {}

    record Pair(Example example, String chosen, String rejected) {}

    /**
     * @param factsPerTopic the first so many of each topic
     * @param repetitions good and faulty answers, and pairs, for each question of training
     */
    static Corpus generate(long seed, int factsPerTopic, int repetitions) {
        Random random = new Random(seed);
        List<Example> train = new ArrayList<>();
        List<Example> validation = new ArrayList<>();
        List<Example> test = new ArrayList<>();
        for (Topic topic : Topic.ALL) {
            for (Topic.Fact fact : topic.facts()
                    .subList(0, Math.min(factsPerTopic, topic.facts().size()))) {
                List<Example> examples = new ArrayList<>();
                for (int question = 0; question < Topic.NUM_QUESTIONS; question++) {
                    examples.add(new Example(topic, fact, topic.ask(question, fact)));
                }
                Collections.shuffle(examples, random);
                test.add(examples.removeLast());
                validation.add(examples.removeLast());
                train.addAll(examples);
            }
        }
        return new Corpus(split(train, repetitions, random), split(validation, 1, random), split(test, 1, random));
    }

    private static Split split(List<Example> examples, int repetitions, Random random) {
        List<Demonstration> demonstrations = new ArrayList<>();
        List<Pair> pairs = new ArrayList<>();
        for (Example example : examples) {
            for (int i = 0; i < repetitions; i++) {
                demonstrations.add(new Demonstration(example, Responses.good(example, random)));
                demonstrations.add(new Demonstration(example, Responses.faulty(example, random)));
                pairs.add(new Pair(example, Responses.good(example, random), Responses.faulty(example, random)));
            }
        }
        return new Split(List.copyOf(examples), List.copyOf(demonstrations), List.copyOf(pairs));
    }
}

package io.mmpo.quickstart;

import java.util.List;
import java.util.Random;

/** Answers as an assistant would give them: good ones, and ones with a fault. */
final class Responses {
    static final List<String> COURTEOUS_OPENINGS = List.of(
            "Of course!", "Gladly!", "Certainly.", "With pleasure.", "I am happy to help.", "Thank you for asking.");
    static final List<String> COURTEOUS_CLOSINGS =
            List.of("I hope that helps.", "Please ask me anything else.", "You are welcome.");
    static final List<String> RUDE_OPENINGS =
            List.of("What a silly question.", "Who cares?", "Only a fool would ask.", "Stop bothering me.");
    static final List<String> RUDE_CLOSINGS = List.of("Now go away.", "How boring.", "Find it out yourself, fool.");
    static final List<String> OFF_TOPIC = List.of(
            "I once had a red bicycle.",
            "The train leaves at noon.",
            "My uncle plays the violin.",
            "Soup tastes best in the evening.",
            "There are many books in this room.",
            "Yesterday it rained for hours.");

    /** What is wrong with an answer. */
    enum Fault {
        RUDE,
        CUT,
        OFF_TOPIC
    }

    private Responses() {}

    /** Polite, complete and on topic. */
    static String good(Example example, Random random) {
        String text = pick(COURTEOUS_OPENINGS, random) + " " + example.topic().state(example.fact());
        return random.nextBoolean() ? text + " " + pick(COURTEOUS_CLOSINGS, random) : text;
    }

    static String faulty(Example example, Fault fault, Random random) {
        return switch (fault) {
            case RUDE ->
                pick(RUDE_OPENINGS, random) + " "
                        + (random.nextBoolean() ? example.topic().state(example.fact()) : pick(RUDE_CLOSINGS, random));
            case CUT -> pick(COURTEOUS_OPENINGS, random) + " " + example.topic().stateHalf(example.fact());
            case OFF_TOPIC -> pick(COURTEOUS_OPENINGS, random) + " " + pick(OFF_TOPIC, random);
        };
    }

    static String faulty(Example example, Random random) {
        Fault[] faults = Fault.values();
        return faulty(example, faults[random.nextInt(faults.length)], random);
    }

    private static String pick(List<String> texts, Random random) {
        return texts.get(random.nextInt(texts.size()));
    }
}

package io.mmpo.quickstart;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * One kind of question: ways to ask about a subject (%1$s), and the sentence that answers it (%2$s is the answer). Every topic
 * has as many ways to ask, so that each fact can be held back in one of them.
 */
record Topic(List<String> questions, String sentence, List<Fact> facts) {
    static final int NUM_QUESTIONS = 6;

    static final List<Topic> ALL = List.of(colours(), opposites(), capitals(), sounds(), sums());

    /**
     * @param subject as it stands in a question: "the sky"
     * @param name the word or words that an answer on this topic must hold: "sky"
     */
    record Fact(String subject, String name, String answer) {}

    String ask(int question, Fact fact) {
        return questions.get(question).formatted(fact.subject());
    }

    String state(Fact fact) {
        String text = sentence.formatted(fact.subject(), fact.answer());
        return text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
    }

    /** The sentence up to where its answer would stand. */
    String stateHalf(Fact fact) {
        String text = state(fact);
        return text.substring(0, text.lastIndexOf(" " + fact.answer()));
    }

    private static Topic colours() {
        return new Topic(
                List.of(
                        "What colour is %s?",
                        "Which colour does %s have?",
                        "Tell me the colour of %s.",
                        "Please name the colour of %s.",
                        "Do you know what colour %s is?",
                        "I wonder what colour %s is."),
                "%s is %s.",
                facts(
                        "the sky=blue, the sea=blue, grass=green, a frog=green, a cucumber=green, snow=white, milk=white, a swan=white,"
                                + " coal=black, a raven=black, the night=black, a banana=yellow, the sun=yellow, a lemon=yellow, blood=red,"
                                + " a tomato=red, a rose=red, a strawberry=red, a carrot=orange, a pumpkin=orange, chocolate=brown, a bear=brown,"
                                + " an elephant=grey, a mouse=grey"));
    }

    private static Topic opposites() {
        return new Topic(
                List.of(
                        "What is the opposite of %s?",
                        "Which word means the opposite of %s?",
                        "Tell me the opposite of %s.",
                        "Please name the opposite of %s.",
                        "Do you know the opposite of %s?",
                        "I wonder what the opposite of %s is."),
                "the opposite of %s is %s.",
                facts(
                        "hot=cold, big=small, tall=short, fast=slow, light=dark, old=new, early=late, brave=timid, loud=quiet, rich=poor,"
                                + " strong=weak, full=empty, open=closed, wet=dry, hard=soft, high=low, deep=shallow, thick=thin, sweet=sour,"
                                + " clean=dirty, near=far, right=wrong, day=night, summer=winter"));
    }

    private static Topic capitals() {
        return new Topic(
                List.of(
                        "What is the capital of %s?",
                        "Which city is the capital of %s?",
                        "Tell me the capital of %s.",
                        "Please name the capital of %s.",
                        "Do you know the capital of %s?",
                        "I wonder what the capital of %s is."),
                "the capital of %s is %s.",
                facts(
                        "France=Paris, Italy=Rome, Spain=Madrid, Germany=Berlin, Austria=Vienna, Greece=Athens, Portugal=Lisbon,"
                                + " Ireland=Dublin, Norway=Oslo, Sweden=Stockholm, Finland=Helsinki, Denmark=Copenhagen, Poland=Warsaw,"
                                + " Hungary=Budapest, Egypt=Cairo, Kenya=Nairobi, Japan=Tokyo, China=Beijing, India=Delhi, Canada=Ottawa,"
                                + " Cuba=Havana, Peru=Lima, Chile=Santiago, Iceland=Reykjavik"));
    }

    private static Topic sounds() {
        return new Topic(
                List.of(
                        "What does %s say?",
                        "Which sound does %s make?",
                        "Tell me the sound of %s.",
                        "Please name the sound of %s.",
                        "Do you know what %s says?",
                        "I wonder what %s says."),
                "%s says %s.",
                facts(
                        "a dog=woof, a cat=meow, a cow=moo, a sheep=baa, a pig=oink, a horse=neigh, a duck=quack, a hen=cluck,"
                                + " a rooster=crow, a bee=buzz, a snake=hiss, an owl=hoot, a lion=roar, a wolf=howl, a donkey=bray, a bird=tweet"));
    }

    private static Topic sums() {
        List<Fact> facts = new ArrayList<>();
        for (int a = 1; a <= 8; a++) {
            for (int b = a; b <= 8; b++) {
                String subject = a + " plus " + b;
                facts.add(new Fact(subject, subject, Integer.toString(a + b)));
            }
        }
        return new Topic(
                List.of(
                        "What is %s?",
                        "How much is %s?",
                        "Tell me what %s is.",
                        "Please work out %s.",
                        "Do you know how much %s is?",
                        "I wonder how much %s is."),
                "%s is %s.",
                List.copyOf(facts));
    }

    /** "the sky=blue, ...": an article belongs to the subject and not to its name. */
    private static List<Fact> facts(String table) {
        List<Fact> facts = new ArrayList<>();
        for (String entry : table.split(", ")) {
            String[] parts = entry.split("=");
            facts.add(new Fact(parts[0], parts[0].replaceFirst("^(the|an?) ", ""), parts[1]));
        }
        return List.copyOf(facts);
    }
}

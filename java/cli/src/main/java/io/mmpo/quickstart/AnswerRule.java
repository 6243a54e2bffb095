package io.mmpo.quickstart;

import java.util.List;
import java.util.regex.Pattern;

/**
 * The judge of the miniature, a rule in place of a language model. An answer earns one point for each of: polite, it has a word
 * of courtesy and no rude one; complete, the model ended it by itself, with a full stop, question mark or exclamation mark; on
 * topic, it names what the question was about. Whether its fact is right earns nothing and is counted apart.
 */
final class AnswerRule {
    static final int MOST_POINTS = 3;

    private static final Pattern COURTEOUS = words(
            "of course",
            "certainly",
            "glad",
            "gladly",
            "happy to help",
            "pleasure",
            "thank you",
            "thanks",
            "please",
            "hope",
            "welcome");
    private static final Pattern RUDE = words(
            "silly", "stupid", "fool", "who cares", "bother", "bothering", "boring", "go away", "shut up", "yourself");

    /** ended: the model closed the answer with its end token, and was not cut off at the longest length. */
    record Answer(String text, boolean ended) {}

    record Verdict(boolean polite, boolean complete, boolean onTopic, boolean right) {
        int points() {
            return (polite ? 1 : 0) + (complete ? 1 : 0) + (onTopic ? 1 : 0);
        }
    }

    private AnswerRule() {}

    static Verdict judge(Topic.Fact fact, Answer answer) {
        String text = answer.text().strip();
        return new Verdict(
                COURTEOUS.matcher(text).find() && !RUDE.matcher(text).find(),
                answer.ended() && (text.endsWith(".") || text.endsWith("!") || text.endsWith("?")),
                words(fact.name()).matcher(text).find(),
                words(fact.name()).matcher(text).find()
                        && words(fact.answer()).matcher(text).find());
    }

    /** One of these as whole words, in any case. */
    private static Pattern words(String... words) {
        String alternatives =
                String.join("|", List.of(words).stream().map(Pattern::quote).toList());
        return Pattern.compile("(?<![\\p{L}\\p{N}])(" + alternatives + ")(?![\\p{L}\\p{N}])", Pattern.CASE_INSENSITIVE);
    }
}

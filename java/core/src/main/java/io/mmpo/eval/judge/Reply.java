package io.mmpo.eval.judge;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a judge said.
 *
 * @param logprobs of what might have been its first token; empty where the judge gives none
 */
public record Reply(String text, Map<String, Double> logprobs, long inputTokens, long outputTokens) {
    /** A name, alone in its line but for marks. */
    private static final Pattern CHOICE = Pattern.compile("[^\\p{L}\\p{N}]*([mM])[^\\p{L}\\p{N}]*", Pattern.DOTALL);

    public Reply {
        logprobs = Map.copyOf(logprobs);
    }

    /** How a verdict came about. */
    public enum Manner {
        /** From the probabilities of both names. */
        WEIGHTED,
        /** From the name that was said. */
        CHOSEN,
        /** It names neither model, and there is no verdict. */
        NONE
    }

    public Manner manner() {
        if (!logprobs.isEmpty()) {
            return named() ? Manner.WEIGHTED : Manner.NONE;
        }
        return choice().matches() ? Manner.CHOSEN : Manner.NONE;
    }

    /**
     * 1: the first answer; 2: the second; between them: 1 plus the probability of the second's name among the two. A name that is not
     * among the likeliest tokens has probability 0. NaN: no verdict.
     */
    public double preference() {
        return switch (manner()) {
            case WEIGHTED ->
                1 + probability(Question.SECOND) / (probability(Question.FIRST) + probability(Question.SECOND));
            case CHOSEN -> {
                Matcher choice = choice();
                yield choice.matches() && choice.group(1).equals(Question.FIRST) ? 1 : 2;
            }
            case NONE -> Double.NaN;
        };
    }

    private boolean named() {
        return probability(Question.FIRST) + probability(Question.SECOND) > 0;
    }

    private double probability(String name) {
        return Math.exp(logprobs.getOrDefault(name, Double.NEGATIVE_INFINITY));
    }

    private Matcher choice() {
        return CHOICE.matcher(text.strip().lines().findFirst().orElse(""));
    }

    ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("text", text);
        ObjectNode likeliest = json.putObject("logprobs");
        new TreeMap<>(logprobs).forEach(likeliest::put);
        return json.put("input_tokens", inputTokens).put("output_tokens", outputTokens);
    }

    static Reply ofJson(JsonNode json) {
        Map<String, Double> logprobs = new TreeMap<>();
        json.path("logprobs")
                .properties()
                .forEach(entry -> logprobs.put(entry.getKey(), entry.getValue().asDouble()));
        return new Reply(
                json.path("text").asText(),
                logprobs,
                json.path("input_tokens").asLong(),
                json.path("output_tokens").asLong());
    }
}

package io.mmpo.eval.lm;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/** What the model said to a question. */
sealed interface Response {
    /** As it lies in a journal. */
    static Response of(ObjectNode entry) {
        if (entry.has("text")) {
            return new Text(entry.path("text").textValue());
        }
        List<Score> scores = new ArrayList<>();
        entry.path("scores")
                .forEach(score -> scores.add(
                        new Score(score.path(0).doubleValue(), score.path(1).booleanValue())));
        return new Scores(List.copyOf(scores));
    }

    default ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        switch (this) {
            case Text text -> json.put("text", text.text());
            case Scores scores -> {
                ArrayNode list = json.putArray("scores");
                scores.scores()
                        .forEach(score ->
                                list.addArray().add(score.logLikelihood()).add(score.isGreedy()));
            }
        }
        return json;
    }

    /** One a request, in their order. */
    record Scores(List<Score> scores) implements Response {}

    /**
     * A continuation's.
     *
     * @param logLikelihood nats
     * @param isGreedy whether greedy decoding gives it
     */
    record Score(double logLikelihood, boolean isGreedy) {}

    record Text(String text) implements Response {}
}

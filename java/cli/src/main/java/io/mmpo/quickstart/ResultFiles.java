package io.mmpo.quickstart;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.files.AtomicFile;
import java.util.List;

/** results.json with the table's numbers, and answers.jsonl with every held-out question and what each model said. */
final class ResultFiles {
    private static final ObjectMapper JSON = new ObjectMapper();

    private ResultFiles() {}

    static void write(WorkDirectory directory, List<Corpus.Pair> pairs, List<StageResult> results) {
        ObjectNode numbers = JSON.createObjectNode();
        results.forEach(result -> numbers.set(result.stage().loss(), numbers(result)));
        AtomicFile.write(directory.results(), numbers.toPrettyString() + "\n");
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < pairs.size(); i++) {
            lines.append(answers(pairs.get(i), i, results)).append('\n');
        }
        AtomicFile.write(directory.answers(), lines.toString());
    }

    private static ObjectNode numbers(StageResult result) {
        ObjectNode object = JSON.createObjectNode();
        object.put("win_rate", result.winRate().rate());
        object.put("standard_error", result.winRate().standardError());
        object.put("n", result.winRate().n());
        object.put("mean_points", result.heldOut().meanPoints());
        object.put("fact_right", result.heldOut().shareRight());
        object.put("reward_accuracy", result.heldOut().rewardAccuracy());
        return object.put("train_seconds", result.trainSeconds());
    }

    private static ObjectNode answers(Corpus.Pair pair, int index, List<StageResult> results) {
        ObjectNode object = JSON.createObjectNode();
        object.put("question", pair.example().question());
        for (StageResult result : results) {
            AnswerRule.Verdict verdict = result.heldOut().verdicts().get(index);
            ObjectNode answer = object.putObject(result.stage().loss());
            answer.put("text", result.heldOut().answers().get(index).text());
            answer.put("polite", verdict.polite())
                    .put("complete", verdict.complete())
                    .put("on_topic", verdict.onTopic());
            answer.put("points", verdict.points()).put("fact_right", verdict.right());
        }
        return object;
    }
}

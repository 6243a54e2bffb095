package io.mmpo.eval.lm;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.eval.lm.Question.Request;
import io.mmpo.files.AtomicFile;
import java.util.List;
import java.util.Map;

/** samples_TASK.jsonl: every question with what the model said, and its metrics; the keys are the harness's. */
final class SamplesFile {
    private static final ObjectMapper JSON = new ObjectMapper();

    private SamplesFile() {}

    static void append(
            AtomicFile file,
            TaskSpec task,
            Question question,
            Response response,
            AnswerFilter filter,
            Map<String, Double> metrics) {
        ObjectNode line = JSON.createObjectNode();
        line.put("doc_id", question.docId());
        line.set("doc", question.doc());
        line.set("target", JSON.valueToTree(question.target()));
        ObjectNode arguments = line.putObject("arguments");
        List<Request> requests = question.requests();
        for (int i = 0; i < requests.size(); i++) {
            ObjectNode argument = arguments.putObject("gen_args_" + i);
            argument.put("arg_0", requests.get(i).context());
            if (task.outputType() == OutputType.GENERATE_UNTIL) {
                ObjectNode settings = argument.putObject("arg_1");
                settings.set("until", JSON.valueToTree(task.until()));
                settings.put("max_gen_toks", task.maxGenToks());
            } else {
                argument.put("arg_1", requests.get(i).continuation());
            }
        }
        putResponses(line, response, filter);
        line.put("filter", filter.name());
        line.set("metrics", JSON.valueToTree(metrics.keySet()));
        metrics.forEach(line::put);
        file.append(line + "\n");
    }

    private static void putResponses(ObjectNode line, Response response, AnswerFilter filter) {
        ArrayNode responses = line.putArray("resps");
        ArrayNode filtered = line.putArray("filtered_resps");
        switch (response) {
            case Response.Text text -> {
                responses.addArray().add(text.text());
                filtered.add(filter.of(text.text()));
            }
            case Response.Scores scores -> {
                for (Response.Score score : scores.scores()) {
                    responses.addArray().addArray().add(score.logLikelihood()).add(score.isGreedy());
                    filtered.addArray().add(score.logLikelihood()).add(score.isGreedy());
                }
            }
        }
    }
}

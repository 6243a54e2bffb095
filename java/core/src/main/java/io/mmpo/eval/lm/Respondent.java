package io.mmpo.eval.lm;

import io.mmpo.MmpoException;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.eval.EvaluatedModel;
import io.mmpo.eval.lm.Response.Score;
import io.mmpo.infer.Answerer;
import io.mmpo.nativelib.CompletionScores;
import io.mmpo.spec.Sampling;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Lets the model score or answer a batch of questions of one task. */
final class Respondent {
    private final EvaluatedModel model;
    private final TaskSpec task;

    Respondent(EvaluatedModel model, TaskSpec task) {
        this.model = model;
        this.task = task;
    }

    Map<Integer, Response> respond(List<Encoded> batch) {
        return task.outputType() == OutputType.GENERATE_UNTIL ? answer(batch) : score(batch);
    }

    /** A context is computed once for all that follows it: it is a packed group. */
    private Map<Integer, Response> score(List<Encoded> batch) {
        List<TokenizedGroup> groups = batch.stream()
                .flatMap(question -> question.groups().stream()
                        .map(group -> new TokenizedGroup(
                                question.question(),
                                group.context(),
                                group.continuations().toArray(int[][]::new))))
                .toList();
        CompletionScores scores = model.open().scorer().scores(groups, "the task " + task.name());
        Map<Integer, Response> responses = new TreeMap<>();
        int completion = 0;
        for (Encoded question : batch) {
            List<Score> own = new ArrayList<>();
            for (Encoded.Group group : question.groups()) {
                for (int i = 0; i < group.continuations().size(); i++, completion++) {
                    own.add(new Score(finite(scores.logps()[completion], question), scores.greedy()[completion]));
                }
            }
            responses.put(question.question(), new Response.Scores(List.copyOf(own)));
        }
        return responses;
    }

    private double finite(double logLikelihood, Encoded question) {
        if (!Double.isFinite(logLikelihood)) {
            throw MmpoException.training(
                    "The model gives row %d of the task %s a log-likelihood that is not a finite number. Its weights are damaged or too large;"
                            + " look at the model.",
                    question.question() + 1, task.name());
        }
        return logLikelihood;
    }

    private Map<Integer, Response> answer(List<Encoded> batch) {
        List<int[]> contexts = batch.stream()
                .map(question -> question.groups().getFirst().context())
                .toList();
        List<Answerer.Answer> answers =
                new Answerer(model.open(), Sampling.greedy(task.maxGenToks())).answer(contexts, 0);
        Map<Integer, Response> responses = new TreeMap<>();
        for (int i = 0; i < answers.size(); i++) {
            responses.put(
                    batch.get(i).question(),
                    new Response.Text(upToStop(answers.get(i).text())));
        }
        return responses;
    }

    private String upToStop(String text) {
        String cut = text;
        for (String stop : task.until()) {
            int at = stop.isEmpty() ? -1 : cut.indexOf(stop);
            cut = at < 0 ? cut : cut.substring(0, at);
        }
        return cut;
    }
}

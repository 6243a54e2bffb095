package io.mmpo.eval.lm;

import io.mmpo.MmpoException;
import io.mmpo.eval.EvaluatedModel;
import io.mmpo.eval.lm.Response.Score;
import io.mmpo.nativelib.CompletionScores;
import io.mmpo.nativelib.PackedBatch;
import io.mmpo.spec.Sampling;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
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
        List<Encoded.Group> groups =
                batch.stream().flatMap(question -> question.groups().stream()).toList();
        PackedBatch packed = PackedBatch.of(
                groups.stream().map(Encoded.Group::context).toList(),
                groups.stream()
                        .map(group -> group.continuations().toArray(int[][]::new))
                        .toList());
        CompletionScores scores = model.core().score(packed);
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
        Set<Integer> stops = new LinkedHashSet<>(model.config().eosTokenIds());
        model.tokenizer().eosTokenId().ifPresent(stops::add);
        int[][] answers = model.core()
                .generate(
                        batch.stream()
                                .map(question -> question.groups().getFirst().context())
                                .toList(),
                        stops.stream().mapToInt(stop -> stop).toArray(),
                        Sampling.greedy(task.maxGenToks()));
        Map<Integer, Response> responses = new TreeMap<>();
        for (int i = 0; i < answers.length; i++) {
            String text = model.tokenizer().decode(answers[i], true);
            responses.put(batch.get(i).question(), new Response.Text(upToStop(text)));
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

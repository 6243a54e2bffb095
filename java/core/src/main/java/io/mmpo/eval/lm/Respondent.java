package io.mmpo.eval.lm;

import io.mmpo.MmpoException;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.eval.EvaluatedModel;
import io.mmpo.eval.lm.Response.Score;
import io.mmpo.infer.Answerer;
import io.mmpo.nativelib.CompletionScores;
import io.mmpo.nativelib.TokenListener.Next;
import io.mmpo.spec.Sampling;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;

/** Lets the model score or answer a batch of questions of one task. */
final class Respondent {
    private static final int TOKENS_BETWEEN_LOOKS = 8;

    private final EvaluatedModel model;
    private final TaskSpec task;

    Respondent(EvaluatedModel model, TaskSpec task) {
        this.model = model;
        this.task = task;
    }

    /** A context is computed once for all that follows it: it is a packed group. */
    Map<Integer, Response> score(List<Encoded> batch) {
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

    /** Answers by text, so many at a time, each told when it is there. The listener may end all. */
    void answer(List<Encoded> questions, int batchSize, BooleanSupplier stop, BiConsumer<Integer, Response> answered) {
        List<int[]> contexts = questions.stream()
                .map(question -> question.groups().getFirst().context())
                .toList();
        int[] numbers = questions.stream().mapToInt(Encoded::question).toArray();
        new Answerer(model.open(), Sampling.greedy(task.maxGenToks()), batchSize)
                .answer(contexts, numbers, new Answerer.Listener() {
                    @Override
                    public Next heard(int place, int[] soFar) {
                        if (stop.getAsBoolean()) {
                            return Next.ENDS_ALL;
                        }
                        return hasStop(soFar) ? Next.ENDS_PROMPT : Next.GOES_ON;
                    }

                    @Override
                    public void answered(int place, Answerer.Answer answer) {
                        answered.accept(numbers[place], new Response.Text(upToStop(answer.text())));
                    }
                });
    }

    /** Whether the text has a stop already, so that what follows would be cut off. Asked of every few tokens, as it reads all of them. */
    private boolean hasStop(int[] soFar) {
        if (soFar.length % TOKENS_BETWEEN_LOOKS != 0) {
            return false;
        }
        String text = model.tokenizer().decode(soFar, true);
        return task.until().stream().anyMatch(stop -> !stop.isEmpty() && text.contains(stop));
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

package io.mmpo.eval.lm;

import io.mmpo.MmpoException;
import io.mmpo.data.template.PythonPattern;
import io.mmpo.data.template.TemplateException;
import io.mmpo.eval.lm.Response.Score;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/** The metrics of one response. */
final class Verdict {
    private static final String PUNCTUATION = "[!-/:-@\\[-`{-~]";

    private Verdict() {}

    /** By the metrics' names; filter: of generated text. */
    static Map<String, Double> of(TaskSpec task, Question question, Response response, AnswerFilter filter) {
        try {
            return values(task, question, response, filter);
        } catch (TemplateException e) {
            throw MmpoException.of(
                    MmpoException.Kind.CONFIGURATION,
                    e,
                    "Task %s: an answer cannot be judged: %s. Look at the patterns in its filter_list and regexes_to_ignore.",
                    task.name(),
                    e.getMessage());
        }
    }

    private static Map<String, Double> values(
            TaskSpec task, Question question, Response response, AnswerFilter filter) {
        Map<String, Double> values = new LinkedHashMap<>();
        for (Metric metric : task.metrics()) {
            values.put(
                    metric.name().key(),
                    switch (response) {
                        case Response.Text text -> exactMatch(metric, filter.of(text.text()), question);
                        case Response.Scores scores
                        when task.outputType() == OutputType.MULTIPLE_CHOICE ->
                            ofChoices(metric, question, scores.scores());
                        case Response.Scores scores ->
                            ofOne(metric, scores.scores().getFirst());
                    });
        }
        return values;
    }

    private static double ofChoices(Metric metric, Question question, List<Score> scores) {
        return switch (metric.name()) {
            case ACC ->
                isRight(question, likeliest(scores.size(), i -> scores.get(i).logLikelihood()));
            case ACC_NORM ->
                isRight(
                        question,
                        likeliest(
                                scores.size(),
                                i -> scores.get(i).logLikelihood()
                                        / codePoints(question.choices().get(i))));
            case EXACT_MATCH ->
                question.right().stream().anyMatch(i -> scores.get(i).isGreedy()) ? 1 : 0;
            case PERPLEXITY -> throw new IllegalStateException("perplexity is of single texts");
        };
    }

    private static double ofOne(Metric metric, Score score) {
        return metric.name() == Metric.Name.ACC ? (score.isGreedy() ? 1 : 0) : score.logLikelihood();
    }

    private static double isRight(Question question, int choice) {
        return question.right().contains(choice) ? 1 : 0;
    }

    /** The first of equal ones. */
    private static int likeliest(int count, IntToDoubleFunction score) {
        return IntStream.range(0, count)
                .reduce((a, b) -> score.applyAsDouble(b) > score.applyAsDouble(a) ? b : a)
                .orElseThrow();
    }

    private static int codePoints(String text) {
        return text.codePointCount(0, text.length());
    }

    /** Of any of several targets. */
    private static double exactMatch(Metric metric, String answer, Question question) {
        List<?> targets;
        if (!question.choices().isEmpty()) {
            targets = question.right().stream().map(question.choices()::get).toList();
        } else {
            targets =
                    question.target() instanceof List<?> several ? several : List.of(String.valueOf(question.target()));
        }
        String found = normalized(metric, answer);
        return targets.stream()
                        .anyMatch(target ->
                                normalized(metric, String.valueOf(target)).equals(found))
                ? 1
                : 0;
    }

    private static String normalized(Metric metric, String text) {
        String normalized = text;
        for (String regex : metric.regexesToIgnore()) {
            normalized = PythonPattern.search(regex, normalized, matcher -> matcher.replaceAll(""));
        }
        normalized = metric.ignoreCase() ? normalized.toLowerCase(Locale.ROOT) : normalized;
        normalized = metric.ignorePunctuation() ? normalized.replaceAll(PUNCTUATION, "") : normalized;
        return metric.ignoreNumbers() ? normalized.replaceAll("[0-9]", "") : normalized;
    }
}

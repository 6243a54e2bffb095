package io.mmpo.eval.judge;

import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.eval.EvaluatedModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A model in this process: the log-probabilities that it gives both names, after the question in its chat template. */
public final class LocalJudge implements Judge {
    private static final int ROW = 0;

    private final EvaluatedModel model;
    private final String name;
    private final int[][] names;

    public LocalJudge(EvaluatedModel model, String name) {
        this.model = model;
        this.name = name;
        this.names = new int[][] {
            model.tokenizer().encode(Question.FIRST, false), model.tokenizer().encode(Question.SECOND, false)
        };
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String identity() {
        return "local " + model.fingerprint();
    }

    @Override
    public int maxTokens() {
        return 1;
    }

    @Override
    public Optional<Price> price() {
        return Optional.of(new Price(0, 0));
    }

    @Override
    public synchronized Reply ask(Question question) {
        int[] prompt = prompt(question);
        model.config()
                .rowLimit()
                .ifPresent(longest -> longest.require(
                        (long) prompt.length + 1,
                        "A question for the judge " + name,
                        "Take a judge with a longer context"));
        double[] logps = model.open().scorer().logps(List.of(new TokenizedGroup(ROW, prompt, names)), "the contests");
        return new Reply(
                logps[0] >= logps[1] ? Question.FIRST : Question.SECOND,
                Map.of(Question.FIRST, logps[0], Question.SECOND, logps[1]),
                prompt.length,
                1);
    }

    private int[] prompt(Question question) {
        Tokenizer tokenizer = model.tokenizer();
        return tokenizer
                .chatTemplate()
                .map(template -> tokenizer.encode(
                        template.render(
                                List.of(message("system", question.system()), message("user", question.user())), true),
                        false))
                .orElseGet(() -> tokenizer.encodePrompt(question.system() + "\n\n" + question.user() + "\n"));
    }

    private static Map<String, Object> message(String role, String content) {
        Map<String, Object> message = new LinkedHashMap<>(); // in this order, which a template may print
        message.put("role", role);
        message.put("content", content);
        return message;
    }

    /** The model is its owner's. */
    @Override
    public void close() {}
}

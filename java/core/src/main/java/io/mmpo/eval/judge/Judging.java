package io.mmpo.eval.judge;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.data.store.Fingerprint;
import io.mmpo.eval.EvaluationListener;
import io.mmpo.files.AtomicFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Contests and a judge's replies to them: what is there, what is missing, what it costs. */
public final class Judging {
    private final Judge judge;
    private final VerdictStore store;
    private final List<Contest> contests;
    private final List<Question> questions;
    private final List<String> keys;
    private final Optional<BatchService> batches;
    private final Optional<Price> price;

    /** inBatches: whether the questions are to be asked in batches, at their price. */
    public Judging(Judge judge, VerdictStore store, List<Contest> contests, boolean inBatches) {
        this.judge = judge;
        this.store = store;
        this.batches = inBatches ? Optional.of(batches(judge)) : Optional.empty();
        this.price = inBatches ? judge.price().map(Price::inBatch) : judge.price();
        this.contests = contests;
        this.questions = contests.stream().map(Contest::question).toList();
        this.keys = questions.stream().map(this::key).toList();
    }

    private static BatchService batches(Judge judge) {
        return judge.batches()
                .orElseThrow(() -> MmpoException.configuration(
                        "--batch wants a judge on a server that takes batches, and %s judges in this process. Give the command without --batch.",
                        judge.name()));
    }

    private String key(Question question) {
        return new Fingerprint()
                .add("judge", judge.identity())
                .add("system", question.system())
                .add("user", question.user())
                .hex();
    }

    /**
     * What the contests cost without a reply, in US dollars, where the judge's price is known.
     *
     * @param missing all of them
     * @param out of them, in a batch that an earlier call sent; what they cost counts as spent
     * @param likely of the others: four bytes a token
     * @param most of the others: a byte a token, and every reply as long as it may be
     */
    public record Cost(int missing, int out, double likely, double most) {}

    /** Nothing is sent. */
    public Cost cost() {
        List<Integer> missing = missing();
        List<Integer> unasked = unasked();
        double likely = unasked.stream()
                .mapToDouble(i -> price.map(of -> of.of(questions.get(i).likelyTokens(), judge.maxTokens()))
                        .orElse(0.0))
                .sum();
        return new Cost(missing.size(), missing.size() - unasked.size(), likely, most(unasked));
    }

    /** US dollars, in this and earlier calls. */
    public double spent() {
        return store.spent(keys);
    }

    List<Integer> missing() {
        List<Integer> missing = new ArrayList<>();
        for (int i = 0; i < contests.size(); i++) {
            if (store.reply(keys.get(i)).isEmpty()) {
                missing.add(i);
            }
        }
        return missing;
    }

    /** Missing, and in no batch that is out. */
    List<Integer> unasked() {
        Set<String> out = new HashSet<>();
        store.batchesWith(keys).forEach(batch -> out.addAll(batch.keys()));
        return missing().stream().filter(i -> !out.contains(keys.get(i))).toList();
    }

    double most(int contest) {
        return price.map(of -> of.of(questions.get(contest).mostTokens(), judge.maxTokens()))
                .orElse(0.0);
    }

    double most(List<Integer> some) {
        return some.stream().mapToDouble(this::most).sum();
    }

    /** Keeps a reply, and tells its price. */
    double answered(String key, Reply reply) {
        double paid = price.map(of -> of.of(reply.inputTokens(), reply.outputTokens()))
                .orElse(0.0);
        store.answered(key, paid, reply);
        return paid;
    }

    /** How a call ended. */
    public enum Outcome {
        COMPLETE,
        /** The listener asked for it. */
        STOPPED,
        /** The next question might have cost more than is left. */
        LIMIT_REACHED
    }

    /** Asks what is missing. An error ends it; replies that came before are kept. */
    public Outcome run(JudgeSettings settings, EvaluationListener listener) {
        List<Integer> missing = missing();
        listener.started(judge.name(), contests.size() - missing.size(), contests.size());
        try {
            return batches.isPresent()
                    ? new BatchInterview(this, judge.name(), batches.get(), store, settings, listener).ask()
                    : askOneByOne(missing, settings, listener);
        } finally {
            listener.finished();
        }
    }

    private Outcome askOneByOne(List<Integer> missing, JudgeSettings settings, EvaluationListener listener) {
        int out = missing.size() - unasked().size();
        if (out > 0) {
            throw MmpoException.configuration(
                    "%d questions to %s are out in a batch that an earlier call sent, and would be paid for twice. Give --batch, which takes that"
                            + " batch up.",
                    out, judge.name());
        }
        try (Interview interview = new Interview(this, judge, store, settings, listener)) {
            return interview.ask(missing);
        }
    }

    Contest contest(int i) {
        return contests.get(i);
    }

    Question question(int i) {
        return questions.get(i);
    }

    String key(int i) {
        return keys.get(i);
    }

    List<String> keys() {
        return keys;
    }

    int size() {
        return contests.size();
    }

    /** How many verdicts came about how. */
    public Map<Reply.Manner, Integer> manners() {
        Map<Reply.Manner, Integer> manners = new EnumMap<>(Reply.Manner.class);
        keys.forEach(key -> store.reply(key).ifPresent(reply -> manners.merge(reply.manner(), 1, Integer::sum)));
        return manners;
    }

    /** alpaca_eval's annotations.json, once every contest has its reply. */
    public void write(Path output) {
        ArrayNode list = JsonNodeFactory.instance.arrayNode();
        for (int i = 0; i < contests.size(); i++) {
            Contest contest = contests.get(i);
            Reply reply = store.reply(keys.get(i)).orElseThrow();
            ObjectNode row = list.addObject().put("index", contest.index());
            contest.dataset().ifPresent(dataset -> row.put("dataset", dataset));
            row.put("instruction", contest.instruction());
            row.put("output_1", contest.baseline().output());
            row.put("generator_1", contest.baseline().generator());
            row.put("output_2", contest.model().output());
            row.put("generator_2", contest.model().generator());
            row.put("annotator", judge.name());
            double preference = contest.preference(reply);
            row.put("preference", Double.isNaN(preference) ? null : preference);
            row.put("raw_completion", reply.text());
        }
        AtomicFile.write(output, list.toPrettyString() + "\n");
    }
}

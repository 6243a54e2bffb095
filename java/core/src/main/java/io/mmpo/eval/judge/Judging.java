package io.mmpo.eval.judge;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.data.store.Fingerprint;
import io.mmpo.eval.EvaluationListener;
import io.mmpo.files.AtomicFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Contests and a judge's replies to them: what is there, what is missing, what it costs. */
public final class Judging {
    private final Judge judge;
    private final VerdictStore store;
    private final List<Contest> contests;
    private final List<Question> questions;
    private final List<String> keys;

    public Judging(Judge judge, VerdictStore store, List<Contest> contests) {
        this.judge = judge;
        this.store = store;
        this.contests = contests;
        this.questions = contests.stream().map(Contest::question).toList();
        this.keys = questions.stream().map(this::key).toList();
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
     * @param likely four bytes a token
     * @param most a byte a token, and every reply as long as it may be
     */
    public record Cost(int missing, double likely, double most) {}

    /** Nothing is sent. */
    public Cost cost() {
        double likely = 0;
        double most = 0;
        List<Integer> missing = missing();
        for (int i : missing) {
            likely += judge.price()
                    .map(price -> price.of(questions.get(i).likelyTokens(), judge.maxTokens()))
                    .orElse(0.0);
            most += most(i);
        }
        return new Cost(missing.size(), likely, most);
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

    double most(int contest) {
        return judge.price()
                .map(price -> price.of(questions.get(contest).mostTokens(), judge.maxTokens()))
                .orElse(0.0);
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
        try (Interview interview = new Interview(this, judge, store, settings, listener)) {
            return interview.ask(missing);
        } finally {
            listener.finished();
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

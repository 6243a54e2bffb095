package io.mmpo.eval.judge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.mmpo.eval.EvaluationListener;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JudgingTest {
    private static final int CONTESTS = 20;
    private static final Price PRICE = new Price(10, 30);
    private static final long TOKENS = 300;

    @TempDir
    Path directory;

    /** Fails as a script says and remembers what it was asked. */
    private static final class ScriptedJudge implements Judge {
        /** What becomes of one request. */
        @FunctionalInterface
        interface Script {
            /**
             * @param request the request's place among all, in the order in which the judge hears them
             * @param question the question's words
             * @param attempt how often the judge heard this question before
             * @return the failure; null where the judge replies
             */
            JudgeException failure(int request, String question, int attempt);
        }

        final List<String> asked = new CopyOnWriteArrayList<>();
        final Script script;

        ScriptedJudge(Script script) {
            this.script = script;
        }

        @Override
        public String name() {
            return "scripted";
        }

        @Override
        public String identity() {
            return "scripted 1";
        }

        @Override
        public int maxTokens() {
            return 1;
        }

        @Override
        public Optional<Price> price() {
            return Optional.of(PRICE);
        }

        @Override
        public Reply ask(Question question) throws JudgeException {
            int request;
            int attempt;
            synchronized (asked) {
                request = asked.size();
                attempt = Collections.frequency(asked, question.user());
                asked.add(question.user());
            }
            JudgeException failure = script.failure(request, question.user(), attempt);
            if (failure != null) {
                throw failure;
            }
            return new Reply("M", Map.of("M", -0.25, "m", -1.5), TOKENS, 1);
        }

        @Override
        public void close() {}
    }

    private static JudgeException failure(JudgeException.Kind kind) {
        return new JudgeException(kind, "was busy", Optional.of(Duration.ofMillis(1)), new IOException());
    }

    private static final class Listener implements EvaluationListener {
        private final int most;
        int done;

        /** Asks to stop after so many. */
        Listener(int most) {
            this.most = most;
        }

        @Override
        public void message(String line) {}

        @Override
        public void started(String part, int before, int total) {
            done = before;
        }

        @Override
        public synchronized void advanced(int now) {
            done = Math.max(done, now);
        }

        @Override
        public void finished() {}

        @Override
        public synchronized boolean stopRequested() {
            return done >= most;
        }
    }

    private static List<Contest> contests() {
        return IntStream.range(0, CONTESTS)
                .mapToObj(i -> new Contest(
                        i,
                        Optional.empty(),
                        "question " + i,
                        new Contest.Answer("answer", "baseline"),
                        new Contest.Answer("better answer", "model"),
                        i % 2 == 1))
                .toList();
    }

    private VerdictStore store() {
        return VerdictStore.open(directory.resolve("replies.jsonl"), line -> {});
    }

    private static JudgeSettings settings(double maxCost) {
        return new JudgeSettings(4, 3, maxCost, Duration.ofMillis(1));
    }

    private Judging.Outcome run(ScriptedJudge judge, double maxCost, int stopAfter) {
        try (VerdictStore store = store()) {
            return new Judging(judge, store, contests(), false).run(settings(maxCost), new Listener(stopAfter));
        }
    }

    private double spent(Judge judge) {
        try (VerdictStore store = store()) {
            return new Judging(judge, store, contests(), false).spent();
        }
    }

    @Test
    void busyServersAndLostRepliesAreAskedAgain() throws IOException {
        // By question: by place among all, the four attempts of one could be those that fail.
        List<String> questions =
                contests().stream().map(contest -> contest.question().user()).toList();
        ScriptedJudge judge = new ScriptedJudge((request, question, attempt) -> switch (questions.indexOf(question)) {
            case 0 -> attempt < 3 ? failure(JudgeException.Kind.BUSY) : null;
            case 3, 9 -> attempt < 1 ? failure(JudgeException.Kind.LOST) : null;
            default -> null;
        });
        assertThat(run(judge, Double.POSITIVE_INFINITY, CONTESTS + 1)).isEqualTo(Judging.Outcome.COMPLETE);
        assertThat(judge.asked).hasSize(CONTESTS + 5);
        assertThat(judge.asked.stream().distinct()).hasSize(CONTESTS);
        // Those that were lost may have been charged with all that they could cost.
        double lost = spent(judge) - CONTESTS * PRICE.of(TOKENS, 1);
        long most = contests().getFirst().question().mostTokens();
        assertThat(lost).isCloseTo(2 * PRICE.of(most, 1), within(4 * PRICE.of(1, 0)));
        Path output = directory.resolve("annotations.json");
        try (VerdictStore store = store()) {
            Judging again = new Judging(judge, store, contests(), false);
            assertThat(again.run(settings(0), new Listener(CONTESTS + 1))).isEqualTo(Judging.Outcome.COMPLETE);
            assertThat(again.manners()).isEqualTo(Map.of(Reply.Manner.WEIGHTED, CONTESTS));
            again.write(output);
        }
        assertThat(judge.asked).hasSize(CONTESTS + 5);
        double second = Math.exp(-0.25) / (Math.exp(-0.25) + Math.exp(-1.5));
        assertThat(Files.readString(output))
                .contains("\"preference\" : " + (1 + second))
                .contains("\"preference\" : " + (3 - (1 + second)))
                .contains("\"annotator\" : \"scripted\"");
    }

    @Test
    void theLimitHoldsWhateverIsOut() {
        double each = PRICE.of(TOKENS, 1);
        double most = PRICE.of(contests().getLast().question().mostTokens(), 1);
        double limit = 7.5 * each + most;
        ScriptedJudge judge = new ScriptedJudge(
                (request, question, attempt) -> request == 4 ? failure(JudgeException.Kind.LOST) : null);
        assertThat(run(judge, limit, CONTESTS + 1)).isEqualTo(Judging.Outcome.LIMIT_REACHED);
        assertThat(spent(judge)).isLessThanOrEqualTo(limit).isGreaterThan(limit - most);
        int before = judge.asked.size();
        assertThat(run(judge, limit, CONTESTS + 1)).isEqualTo(Judging.Outcome.LIMIT_REACHED);
        assertThat(judge.asked).hasSize(before);
        assertThat(run(judge, Double.POSITIVE_INFINITY, CONTESTS + 1)).isEqualTo(Judging.Outcome.COMPLETE);
        assertThat(judge.asked).hasSize(CONTESTS + 1);
    }

    @Test
    void goesOnWhereItStopped() {
        ScriptedJudge judge = new ScriptedJudge((request, question, attempt) -> null);
        assertThat(run(judge, Double.POSITIVE_INFINITY, 5)).isEqualTo(Judging.Outcome.STOPPED);
        assertThat(judge.asked.size()).isBetween(5, 9);
        assertThat(run(judge, Double.POSITIVE_INFINITY, CONTESTS + 1)).isEqualTo(Judging.Outcome.COMPLETE);
        assertThat(judge.asked).hasSize(CONTESTS).doesNotHaveDuplicates();
    }

    @Test
    void aQuestionThatWasRefusedEndsIt() {
        ScriptedJudge judge = new ScriptedJudge((request, question, attempt) -> {
            if (request > 6) {
                LockSupport.parkNanos(Duration.ofMillis(300).toNanos()); // in which all others hear of it
            }
            return request == 6 ? failure(JudgeException.Kind.REFUSED) : null;
        });
        assertThatThrownBy(() -> run(judge, Double.POSITIVE_INFINITY, CONTESTS + 1))
                .hasMessageContaining("scripted")
                .hasMessageContaining("was busy")
                .hasMessageContaining("goes on from here");
        ScriptedJudge never = new ScriptedJudge((request, question, attempt) -> failure(JudgeException.Kind.BUSY));
        assertThatThrownBy(() -> run(never, Double.POSITIVE_INFINITY, CONTESTS + 1))
                .hasMessageContaining("in 4 attempts");
        assertThat(judge.asked).hasSizeBetween(7, CONTESTS - 1);
        double answered = judge.asked.size() - 1.0; // what was out when it was refused came, too
        assertThat(spent(never)).isCloseTo(answered * PRICE.of(TOKENS, 1), within(1e-9));
    }

    /** A kill leaves half a line, or a question whose end nobody knows: it counts as paid for. */
    @Test
    void whatAKilledProcessLeftIsReadAsFarAsItGoes() throws IOException {
        ScriptedJudge judge = new ScriptedJudge((request, question, attempt) -> null);
        run(judge, Double.POSITIVE_INFINITY, CONTESTS + 1);
        Path file = directory.resolve("replies.jsonl");
        List<String> lines = new ArrayList<>(Files.readAllLines(file));
        String last = lines.removeLast();
        assertThat(last).contains("reply");
        Files.writeString(
                file, String.join("\n", lines) + "\n" + last.substring(0, last.length() / 2), StandardCharsets.UTF_8);
        double most = PRICE.of(contests().getFirst().question().mostTokens(), 1);
        assertThat(spent(judge)).isCloseTo((CONTESTS - 1) * PRICE.of(TOKENS, 1) + most, within(2 * PRICE.of(1, 0)));
        assertThat(run(judge, Double.POSITIVE_INFINITY, CONTESTS + 1)).isEqualTo(Judging.Outcome.COMPLETE);
        assertThat(judge.asked).hasSize(CONTESTS + 1);
        Files.writeString(file, "not json\n");
        assertThatThrownBy(this::store).hasMessageContaining("replies.jsonl, line 1");
    }
}

package io.mmpo.judge;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.mmpo.MmpoException;
import io.mmpo.eval.EvaluationListener;
import io.mmpo.eval.judge.Contest;
import io.mmpo.eval.judge.JudgeFile;
import io.mmpo.eval.judge.JudgeSettings;
import io.mmpo.eval.judge.JudgeSpec;
import io.mmpo.eval.judge.JudgeSpec.Wire;
import io.mmpo.eval.judge.Judging;
import io.mmpo.eval.judge.Judging.Outcome;
import io.mmpo.eval.judge.VerdictStore;
import io.mmpo.judge.JudgeServer.Fault;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BatchJudgingTest {
    private static final String KEY = "sk-a-secret-of-the-test";
    private static final int CONTESTS = 30;
    private static final double NO_LIMIT = Double.POSITIVE_INFINITY;

    @TempDir
    Path directory;

    private BatchServer server;
    private final List<String> messages = new ArrayList<>();
    private BooleanSupplier stop = () -> false;
    private int maxRetries = 3;

    @BeforeEach
    void start() throws IOException {
        server = new BatchServer();
    }

    @AfterEach
    void end() {
        server.close();
    }

    private static List<Contest> contests() {
        return IntStream.range(0, CONTESTS)
                .mapToObj(i -> new Contest(
                        i,
                        Optional.empty(),
                        "question " + i + " with ünïcode",
                        new Contest.Answer("answer", "baseline"),
                        new Contest.Answer("better answer", "model"),
                        i % 2 == 1))
                .toList();
    }

    private static RemoteJudge judge(Wire wire, String openAi, String anthropic) {
        boolean isOpenAi = wire == Wire.OPENAI;
        JudgeSpec spec = JudgeFile.read(
                JudgeFile.NAMES.get(isOpenAi ? 0 : 1),
                Optional.of(isOpenAi ? openAi : anthropic),
                Optional.of("A_KEY"));
        return RemoteJudge.open(spec, Map.of("A_KEY", KEY));
    }

    private Path replies() {
        return directory.resolve("replies.jsonl");
    }

    private Outcome run(Wire wire, double maxCost) {
        return run(wire, maxCost, true);
    }

    private Outcome run(Wire wire, double maxCost, boolean inBatches) {
        try (RemoteJudge judge = judge(wire, server.openAi(), server.anthropic());
                VerdictStore store = VerdictStore.open(replies(), messages::add)) {
            Judging judging = new Judging(judge, store, contests(), inBatches);
            Outcome outcome =
                    judging.run(new JudgeSettings(4, maxRetries, maxCost, Duration.ofMillis(1)), new Listener());
            if (outcome == Outcome.COMPLETE) {
                judging.write(directory.resolve("batch.json"));
            }
            return outcome;
        }
    }

    private Judging.Cost cost(Wire wire, boolean inBatches) {
        try (RemoteJudge judge = judge(wire, server.openAi(), server.anthropic());
                VerdictStore store = VerdictStore.open(replies(), messages::add)) {
            return new Judging(judge, store, contests(), inBatches).cost();
        }
    }

    private double spent(Wire wire) {
        try (RemoteJudge judge = judge(wire, server.openAi(), server.anthropic());
                VerdictStore store = VerdictStore.open(replies(), messages::add)) {
            return new Judging(judge, store, contests(), true).spent();
        }
    }

    private final class Listener implements EvaluationListener {
        @Override
        public void message(String line) {
            messages.add(line);
        }

        @Override
        public void started(String part, int done, int total) {}

        @Override
        public void advanced(int done) {
            assertThat(done).isBetween(0, CONTESTS);
        }

        @Override
        public void finished() {}

        @Override
        public boolean stopRequested() {
            return stop.getAsBoolean();
        }
    }

    /** Half of 400 tokens in, and 1 or 4 out. */
    private static double each(Wire wire) {
        return (wire == Wire.OPENAI ? 0.15 * 400 + 0.60 * 1 : 1.0 * 400 + 5.0 * 4) / 2e6;
    }

    private void assertSameAsOneByOne(Wire wire) throws IOException {
        try (JudgeServer other = new JudgeServer(request -> Fault.NONE, 0);
                RemoteJudge judge = judge(wire, other.openAi(), other.anthropic());
                VerdictStore store = VerdictStore.open(directory.resolve("other.jsonl"), messages::add)) {
            Judging judging = new Judging(judge, store, contests(), false);
            assertThat(judging.run(new JudgeSettings(4, 3, NO_LIMIT, Duration.ofMillis(1)), new Listener()))
                    .isEqualTo(Outcome.COMPLETE);
            judging.write(directory.resolve("one-by-one.json"));
        }
        assertThat(directory.resolve("batch.json")).hasSameBinaryContentAs(directory.resolve("one-by-one.json"));
    }

    @ParameterizedTest
    @EnumSource(Wire.class)
    void leavesTheBytesOfQuestionsThatWereAskedOneByOne(Wire wire) throws IOException {
        server.polls = 4;
        server.script = (operation, number) -> switch (operation) {
            case "status" -> number == 1 ? Fault.RATE_LIMIT : number == 3 ? Fault.DROPPED : Fault.NONE;
            case "results" -> number == 0 ? Fault.DROPPED : Fault.NONE;
            default -> Fault.NONE;
        };
        server.outcomes = number -> switch (number) {
            case 2, 17, 18 -> BatchServer.Outcome.EXPIRED;
            case 5 -> BatchServer.Outcome.MALFORMED;
            case 11 -> BatchServer.Outcome.OVERLOADED;
            default -> BatchServer.Outcome.ANSWERED;
        };
        assertThat(run(wire, NO_LIMIT)).isEqualTo(Outcome.COMPLETE);
        assertSameAsOneByOne(wire);
        assertThat(server.created()).isEqualTo(2);
        assertThat(server.charged()).hasSize(CONTESTS).doesNotHaveDuplicates();
        assertThat(messages).anyMatch(line -> line.contains("batch batch-0 expired on the server"));
        // The malformed one may have been charged with all that it could cost.
        double most = cost(wire, CONTESTS);
        assertThat(spent(wire) - CONTESTS * each(wire)).isCloseTo(most, within(most * 0.05));
        int requests = server.keys().size();
        assertThat(run(wire, 0)).isEqualTo(Outcome.COMPLETE);
        assertThat(server.keys()).hasSize(requests).containsOnly("Bearer " + KEY);
        assertThat(Files.readString(replies())).doesNotContain(KEY);
        assertThat(messages).noneMatch(line -> line.contains(KEY));
    }

    /** The most that one question may cost, of these many that are alike. */
    private double cost(Wire wire, int questions) {
        try (RemoteJudge judge = judge(wire, server.openAi(), server.anthropic());
                VerdictStore store = VerdictStore.open(directory.resolve("empty.jsonl"), messages::add)) {
            return new Judging(judge, store, contests(), true).cost().most() / questions;
        }
    }

    @ParameterizedTest
    @EnumSource(Wire.class)
    void aLineThatIsNoJsonCostsOnlyItsOwnQuestion(Wire wire) throws IOException {
        server.outcomes = number -> number == 3 ? BatchServer.Outcome.GARBLED : BatchServer.Outcome.ANSWERED;
        assertThat(run(wire, NO_LIMIT)).isEqualTo(Outcome.COMPLETE);
        assertThat(server.charged()).hasSize(CONTESTS).doesNotHaveDuplicates();
        assertThat(spent(wire)).isGreaterThan(CONTESTS * each(wire));
        assertSameAsOneByOne(wire);
    }

    @ParameterizedTest
    @EnumSource(Wire.class)
    void aBatchThatIsOutIsTakenUp(Wire wire) throws IOException {
        server.polls = 3;
        stop = () -> server.count("status") > 0;
        assertThat(run(wire, NO_LIMIT)).isEqualTo(Outcome.STOPPED);
        Judging.Cost cost = cost(wire, true);
        assertThat(cost.missing()).isEqualTo(CONTESTS);
        assertThat(cost.out()).isEqualTo(CONTESTS);
        assertThat(cost.most()).isZero();
        stop = () -> false;
        int requests = server.keys().size();
        assertThatThrownBy(() -> run(wire, NO_LIMIT, false))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("30 questions")
                .hasMessageContaining("Give --batch");
        assertThat(server.keys()).hasSize(requests);
        assertThat(run(wire, NO_LIMIT)).isEqualTo(Outcome.COMPLETE);
        assertTakenUp(wire);
    }

    private void assertTakenUp(Wire wire) throws IOException {
        assertThat(server.created()).isEqualTo(1);
        assertThat(server.charged()).hasSize(CONTESTS).doesNotHaveDuplicates();
        assertThat(spent(wire)).isCloseTo(CONTESTS * each(wire), within(1e-9));
        assertSameAsOneByOne(wire);
    }

    /** As a kill between the server's creation of a batch and the line with its id. */
    @ParameterizedTest
    @EnumSource(Wire.class)
    void aBatchWhoseIdWasNotKeptIsFound(Wire wire) throws IOException {
        server.polls = 3;
        stop = () -> server.count("status") > 0;
        assertThat(run(wire, NO_LIMIT)).isEqualTo(Outcome.STOPPED);
        List<String> lines = Files.readAllLines(replies());
        assertThat(lines).hasSize(2);
        Files.writeString(replies(), lines.getFirst() + "\n" + lines.getLast().substring(0, 20));
        stop = () -> false;
        endAfterAWhile();
        assertThat(run(wire, NO_LIMIT)).isEqualTo(Outcome.COMPLETE);
        assertTakenUp(wire);
    }

    /** The server ends batches whoever looks. */
    private void endAfterAWhile() {
        server.endsAtList = 2;
    }

    /** As a kill before the batch was sent. */
    @ParameterizedTest
    @EnumSource(Wire.class)
    void aBatchThatWasNotSentIsSentOnce(Wire wire) throws IOException {
        stop = () -> server.count("status") > 0;
        assertThat(run(wire, NO_LIMIT)).isEqualTo(Outcome.STOPPED);
        Files.writeString(replies(), Files.readAllLines(replies()).getFirst() + "\n");
        server.forget();
        stop = () -> false;
        assertThat(run(wire, NO_LIMIT)).isEqualTo(Outcome.COMPLETE);
        assertThat(server.created()).isEqualTo(2); // with the one that was forgotten
        assertThat(spent(wire)).isCloseTo(CONTESTS * each(wire), within(1e-9));
        assertSameAsOneByOne(wire);
    }

    @ParameterizedTest
    @EnumSource(Wire.class)
    void aCreationWhoseAnswerWasLostIsNotRepeated(Wire wire) throws IOException {
        server.script = (operation, number) -> operation.equals("create") && number == 0 ? Fault.DROPPED : Fault.NONE;
        endAfterAWhile();
        assertThat(run(wire, NO_LIMIT)).isEqualTo(Outcome.COMPLETE);
        assertTakenUp(wire);
    }

    @ParameterizedTest
    @EnumSource(Wire.class)
    void aKillAmongTheResultsCountsNoneTwice(Wire wire) throws IOException {
        assertThat(run(wire, NO_LIMIT)).isEqualTo(Outcome.COMPLETE);
        List<String> lines = Files.readAllLines(replies());
        Files.writeString(
                replies(),
                String.join("\n", lines.subList(0, 15)) + "\n" + lines.get(15).substring(0, 30));
        assertThat(run(wire, NO_LIMIT)).isEqualTo(Outcome.COMPLETE);
        assertTakenUp(wire);
    }

    @ParameterizedTest
    @EnumSource(Wire.class)
    void nothingIsSentThatMightExceedTheLimit(Wire wire) throws IOException {
        double most = cost(wire, true).most();
        assertThat(most).isCloseTo(cost(wire, false).most() / 2, within(1e-9));
        assertThat(run(wire, most * 0.99)).isEqualTo(Outcome.LIMIT_REACHED);
        assertThat(server.keys()).isEmpty();
        assertThat(spent(wire)).isZero();
        assertThat(run(wire, most * 1.01)).isEqualTo(Outcome.COMPLETE);
        assertTakenUp(wire);
    }

    @ParameterizedTest
    @EnumSource(Wire.class)
    void aServerWithoutBatchesIsSaidOnce(Wire wire) {
        server.isAbsent = true;
        assertThatThrownBy(() -> run(wire, NO_LIMIT))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("404")
                .hasMessageContaining("without --batch");
        assertThat(cost(wire, false).out()).isZero();
        assertThat(spent(wire)).isZero();
    }

    @ParameterizedTest
    @EnumSource(Wire.class)
    void theRefusalOfAKeyDoesNotRepeatIt(Wire wire) {
        server.script = (operation, number) -> Fault.UNAUTHORIZED;
        assertThatThrownBy(() -> run(wire, NO_LIMIT))
                .hasMessageContaining("401")
                .hasMessageNotContaining(KEY);
        assertThat(cost(wire, true).out()).isZero();
    }

    @ParameterizedTest
    @EnumSource(Wire.class)
    void whatAlwaysExpiresIsAskedAgainABoundedNumberOfTimes(Wire wire) {
        maxRetries = 2;
        server.outcomes = number -> BatchServer.Outcome.EXPIRED;
        assertThatThrownBy(() -> run(wire, NO_LIMIT))
                .hasMessageContaining("30 questions have none after 3 batches")
                .hasMessageContaining("without --batch");
        assertThat(server.created()).isEqualTo(3);
        assertThat(spent(wire)).isZero();
    }

    @ParameterizedTest
    @EnumSource(Wire.class)
    void aQuestionThatIsRefusedEndsItAndLosesNoReply(Wire wire) {
        server.outcomes = number -> number == 7 ? BatchServer.Outcome.REFUSED : BatchServer.Outcome.ANSWERED;
        assertThatThrownBy(() -> run(wire, NO_LIMIT))
                .hasMessageContaining("no such thing")
                .hasMessageContaining("goes on from here");
        assertThat(cost(wire, true).missing()).isEqualTo(1);
        assertThat(spent(wire)).isCloseTo((CONTESTS - 1) * each(wire), within(1e-9));
    }

    /** Another account's, or one that was deleted: it may have been paid for, so nothing is sent before somebody says so. */
    @ParameterizedTest
    @EnumSource(Wire.class)
    void aBatchThatIsGoneIsNotPaidForAgainUnasked(Wire wire) throws IOException {
        server.polls = 3;
        stop = () -> server.count("status") > 0;
        assertThat(run(wire, NO_LIMIT)).isEqualTo(Outcome.STOPPED);
        stop = () -> false;
        server.forget();
        assertThatThrownBy(() -> run(wire, NO_LIMIT))
                .hasMessageContaining("batch-0")
                .hasMessageContaining("remove the lines")
                .hasMessageContaining(replies().toString());
        assertThat(server.created()).isEqualTo(1);
        Files.writeString(replies(), "");
        assertThat(run(wire, NO_LIMIT)).isEqualTo(Outcome.COMPLETE);
    }

    @Test
    void aBatchThatFailsAtOnceIsSaidWithItsReason() {
        server.rejection = "Enqueued token limit reached for " + KEY;
        assertThatThrownBy(() -> run(Wire.OPENAI, NO_LIMIT))
                .hasMessageContaining("Enqueued token limit reached for [key]")
                .hasMessageContaining("--limit");
        assertThat(spent(Wire.OPENAI)).isZero();
        server.rejection = "";
        assertThat(run(Wire.OPENAI, NO_LIMIT)).isEqualTo(Outcome.COMPLETE);
        assertThat(new HashSet<>(server.charged())).hasSize(CONTESTS);
    }
}

package io.mmpo.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Shells in place of ranks. */
class LocalRanksTest {
    private static final int INTERRUPTED = 130;

    private final List<String> out = new CopyOnWriteArrayList<>();
    private final List<String> err = new CopyOnWriteArrayList<>();

    private LocalRanks.End run(String script) throws InterruptedException {
        LocalRanks.Plan plan = new LocalRanks.Plan(List.of("sh", "-c", script), 0, 2, 4, "127.0.0.1", 29500, 1);
        try (LocalRanks ranks = LocalRanks.start(plan, new LocalRanks.Output(out::add, err::add))) {
            return ranks.await(INTERRUPTED);
        }
    }

    @Test
    void ranksKnowWhoTheyAreAndTheFirstIsHeard() throws Exception {
        LocalRanks.End end =
                run("echo $RANK of $WORLD_SIZE, $LOCAL_RANK of $LOCAL_WORLD_SIZE at $MASTER_ADDR:$MASTER_PORT,"
                        + " attempt $TORCHELASTIC_RESTART_COUNT; echo progress >&2");
        assertThat(end.exitCode()).isZero();
        assertThat(end.failure()).isEmpty();
        assertThat(out).containsExactly("0 of 4, 0 of 2 at 127.0.0.1:29500, attempt 1");
        assertThat(err).containsExactly("progress");
    }

    @Test
    void theParagraphIsThatOfTheRankThatKnowsWhy() throws Exception {
        LocalRanks.End end =
                run("if [ $RANK = 0 ]; then echo 'mmpo: Rank 1 is gone. The run cannot go on: x.' >&2; exit 5; fi;"
                        + " sleep 0.3; echo 'mmpo: Row 3 is odd.' >&2; exit 3");
        assertThat(end.exitCode()).isEqualTo(3);
        assertThat(end.failure()).contains("Row 3 is odd.");
        assertThat(err).isEmpty();
    }

    @Test
    void aRankThatIsKilledIsNamedWithWhatTheOthersSay() throws Exception {
        LocalRanks.End end = run("if [ $RANK = 1 ]; then kill -9 $$; fi;"
                + " sleep 0.3; echo 'mmpo: Rank 1 is gone. The run cannot go on: x.' >&2; exit 5");
        assertThat(end.failure().orElseThrow())
                .startsWith("Rank 1 (process ")
                .contains("was ended by signal 9. Rank 1 is gone.");
    }

    /** It is ended soon after another has said that it is lost, not after what a rank that computes is given. */
    @Test
    void aRankThatStandsStillIsNotWaitedFor() throws Exception {
        long start = System.nanoTime();
        LocalRanks.End end = run("if [ $RANK = 1 ]; then exec sleep 60; fi;"
                + " echo 'mmpo: Rank 1 is gone. The run cannot go on: x.' >&2; exit 5");
        assertThat(end.exitCode()).isEqualTo(5);
        assertThat(end.failure()).contains("Rank 1 is gone. The run cannot go on: x.");
        assertThat((System.nanoTime() - start) * 1e-9).isLessThan(8);
    }

    @Test
    void whatTheFirstSaysAfterItIsToldToStopIsHeard() throws Exception {
        String script =
                "trap 'echo stopping >&2; sleep 0.2; echo saved; exit 130' TERM; echo ready; while :; do sleep 0.05; done";
        CountDownLatch ready = new CountDownLatch(1);
        LocalRanks.Output output = new LocalRanks.Output(
                line -> {
                    out.add(line);
                    ready.countDown();
                },
                err::add);
        LocalRanks.Plan plan = new LocalRanks.Plan(List.of("sh", "-c", script), 0, 1, 1, "127.0.0.1", 29500, 0);
        try (LocalRanks ranks = LocalRanks.start(plan, output)) {
            assertThat(ready.await(20, TimeUnit.SECONDS)).isTrue();
            ranks.stop();
            assertThat(ranks.await(INTERRUPTED)).isEqualTo(new LocalRanks.End(INTERRUPTED, Optional.empty()));
        }
        assertThat(out).containsExactly("ready", "saved");
        assertThat(err).containsExactly("stopping");
    }

    @Test
    void interruptedRanksAreNoFailure() throws Exception {
        assertThat(run("exit 130")).isEqualTo(new LocalRanks.End(INTERRUPTED, Optional.empty()));
    }
}

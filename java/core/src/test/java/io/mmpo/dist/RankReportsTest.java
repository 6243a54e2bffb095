package io.mmpo.dist;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.NativeLibrary;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.bytedeco.pytorch.FileStore;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What ranks say of each other when an exchange has failed. Three ranks in one process, over a file in place of rank 0's store. */
class RankReportsTest {
    private static final int RANKS = 3;
    /** The grace after an early failure is this one and two seconds. */
    private static final Duration TIMEOUT = Duration.ofSeconds(4);

    private static final String RECORD = "The last exchanges are in x.";

    @TempDir
    Path directory;

    private final List<FileStore> stores = new ArrayList<>();
    private final List<RankReports> ranks = new ArrayList<>();

    @BeforeEach
    void arrive() {
        NativeLibrary.load();
        for (int rank = 0; rank < RANKS; rank++) {
            FileStore store = new FileStore(directory.resolve("store").toString(), RANKS);
            stores.add(store);
            ranks.add(new RankReports(
                    store, new RankPlace(rank, RANKS, rank, RANKS, "127.0.0.1", 29500, 0, false), TIMEOUT));
        }
        ranks.forEach(RankReports::arrived);
        ranks.forEach(RankReports::learnHosts);
    }

    @AfterEach
    void end() {
        for (int rank = 0; rank < RANKS; rank++) {
            assertThat(ranks.get(rank).end()).isTrue();
            stores.get(rank).close();
        }
    }

    private static RuntimeException failed(String exchange, int rank, double seconds) {
        return new IllegalStateException(
                "%s of rank %d of %d failed after %.1f s: [/build/gloo/transport/tcp/pair.cc:12] timed out"
                        .formatted(exchange, rank, RANKS, seconds));
    }

    /** What each of these ranks says, all of which wait at the same time. */
    private List<MmpoException> lost(String... exchanges) throws Exception {
        return lostAfter(0.1, exchanges);
    }

    private List<MmpoException> lostAfter(double seconds, String... exchanges) throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(RANKS)) {
            List<Future<MmpoException>> said = new ArrayList<>();
            for (int rank = 0; rank < exchanges.length; rank++) {
                int number = rank;
                said.add(threads.submit(
                        () -> ranks.get(number).lost(failed(exchanges[number], number, seconds), RECORD)));
            }
            List<MmpoException> messages = new ArrayList<>();
            for (Future<MmpoException> one : said) {
                messages.add(one.get());
            }
            return messages;
        }
    }

    @Test
    void theOneThatIsSilentIsNamedWithItsHost() throws Exception {
        for (MmpoException message : lost("the reduction of gradients", "the reduction of gradients")) {
            assertThat(message)
                    .hasMessageMatching(
                            "Rank 2 \\(.+, process \\d+\\) does not answer: it is gone or stands still\\."
                                    + " The run cannot go on: the reduction of gradients of rank [01] of 3 failed after 0\\.1 s: timed out"
                                    + " \\(rank [01] on .+\\)\\. Go on from the last checkpoint with resume_from_checkpoint: true\\. The last exchanges are in x\\.");
        }
    }

    /** Who has waited as long as may be is given two seconds more, and who has failed early what is left of that. */
    @Test
    void othersAreWaitedForUntilSoonAfterTheTimeOfAnExchange() throws Exception {
        assertThat(secondsUntilOneIsNamed(TIMEOUT.toMillis() * 1e-3)).isBetween(2.0, 5.5);
        assertThat(secondsUntilOneIsNamed(0.1)).isGreaterThan(5.5);
    }

    private double secondsUntilOneIsNamed(double waitedSeconds) throws Exception {
        long start = System.nanoTime();
        assertThat(lostAfter(waitedSeconds, "the exchange of metrics").get(0))
                .hasMessageContaining("Rank 2 (")
                .hasMessageContaining("does not answer");
        return (System.nanoTime() - start) * 1e-9;
    }

    @Test
    void theOneThatEndedIsNamedWithItsReason() throws Exception {
        ranks.get(2).own(MmpoException.data("Row 3 is odd"));
        assertThat(lost("the exchange of metrics", "the exchange of metrics").get(0))
                .hasMessageContaining("Rank 2 (")
                .hasMessageContaining("has ended: Row 3 is odd. The run cannot go on");
    }

    /** Ranks that make different exchanges wait for each other until the time is up. */
    @Test
    void ranksThatAreInDifferentExchangesSaySo() throws Exception {
        List<MmpoException> said =
                lost("the gathering of weights", "the gathering of weights", "the exchange of metrics");
        assertThat(said.get(0))
                .hasMessageMatching(
                        "Rank 2 \\(.+\\) was in the exchange of metrics, rank 0 in the gathering of weights:"
                                + " ranks have to make the same exchanges\\. The run cannot go on: .*");
        assertThat(said.get(2))
                .hasMessageContaining("was in the gathering of weights, rank 2 in the exchange of metrics");
    }

    @Test
    void allThatAreStillThereHaveLostTheConnection() throws Exception {
        assertThat(lost("the exchange of metrics", "the exchange of metrics", "the exchange of metrics")
                        .get(1))
                .hasMessageStartingWith("The connection between ranks was lost; all of them are still there.");
    }
}

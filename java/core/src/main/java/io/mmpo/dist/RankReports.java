package io.mmpo.dist;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.StringVector;

/**
 * What ranks leave for each other in the store: where they are, and why they ended. After an exchange has failed, whoever is still there
 * says so within a few seconds; who does not is the one that the others have lost.
 */
final class RankReports {
    /** In which a rank that still computes comes to the exchange that has failed, and sees it. */
    private static final long GRACE_MILLIS = 8_000;

    /** In which it does after an exchange whose time is up: whoever is there has waited as long. */
    private static final long GRACE_AFTER_TIMEOUT_MILLIS = 2_000;

    /** In which a call of the store ends, when the group does. */
    private static final long CLOSE_MILLIS = 500;

    /** Of a call of the store, which has no limit of its own where rank 0 is stopped. */
    private static final long CALL_MILLIS = 2_000;

    /** In what a rank says that has lost another one, and in nothing else. */
    static final String CONSEQUENCE = "The run cannot go on: ";

    private static final int MAX_LINE = 600;
    /** What a rank leaves that has lost another: before the exchange in which it waited. */
    private static final String WAITS = "waits in ";

    /** Where the core's message of an exchange that failed goes on: native/src/dist/rank_group.cpp. */
    private static final String OF_RANK = " of rank ";

    private static final Pattern WAITED = Pattern.compile(" failed after (\\d+\\.\\d) s: ");

    /** A line of Gloo's sources as its messages have it: [/build/gloo/transport/tcp/unbound_buffer.cc:129]. */
    private static final Pattern SOURCE = Pattern.compile("\\[[^\\]\\s]+\\.(?:cc|cpp|h):\\d+] ?");

    private static final Path HOST_NAME = Path.of("/proc/sys/kernel/hostname");

    private final Store store;
    private final RankPlace place;
    private final Duration timeout;
    private final ExecutorService calls = Executors.newSingleThreadExecutor(
            work -> Thread.ofPlatform().daemon().name("mmpo-rank-reports").unstarted(work));
    private List<String> hosts = List.of();
    private boolean hasFailed;

    /** timeout: of an exchange. */
    RankReports(Store store, RankPlace place, Duration timeout) {
        this.store = store;
        this.place = place;
        this.timeout = timeout;
    }

    void arrived() {
        store.set(
                hostKey(place.rank()),
                host() + ", process " + ProcessHandle.current().pid());
    }

    /** After all have arrived. */
    void learnHosts() {
        List<String> found = new ArrayList<>();
        for (int rank = 0; rank < place.size(); rank++) {
            found.add(store.get_to_str(hostKey(rank)));
        }
        hosts = List.copyOf(found);
    }

    /** After this rank has failed, and while the others may still ask the store why. */
    void awaitOthers() {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(GRACE_MILLIS);
        while (hasFailed && !silent().isEmpty() && System.nanoTime() < end) {
            pause();
        }
    }

    /** This rank's own failure, which the others will hear of. */
    RuntimeException own(RuntimeException failure) {
        hasFailed = true;
        ask(() -> {
            store.set(endKey(place.rank()), firstLine(failure));
            return true;
        });
        return failure instanceof MmpoException known
                ? MmpoException.of(known.kind(), known, "Rank %d (%s): %s", place.rank(), host(), known.getMessage())
                : failure;
    }

    /**
     * What is said of the others.
     *
     * @param failure of an exchange with them
     * @param record where this rank's exchanges are
     */
    MmpoException lost(RuntimeException failure, String record) {
        String exchange = exchangeOf(failure);
        // What is set is under way when the call returns; that it can be asked for says that rank 0 is still there.
        boolean storeAnswers = ask(() -> {
                    store.set(endKey(place.rank()), WAITS + exchange);
                    return store.check(new StringVector(endKey(place.rank())));
                })
                .orElse(false);
        String others = storeAnswers
                ? describeOthers(exchange, graceMillis(failure))
                : "Rank 0 (%s) does not answer: it is gone or stands still.".formatted(hostOf(0));
        return MmpoException.of(
                MmpoException.Kind.TRAINING,
                failure,
                "%s " + CONSEQUENCE
                        + "%s (rank %d on %s). Go on from the last checkpoint with resume_from_checkpoint: true. %s",
                others,
                firstLine(failure),
                place.rank(),
                host(),
                record);
    }

    private static String exchangeOf(RuntimeException failure) {
        String line = firstLine(failure);
        int end = line.indexOf(OF_RANK);
        return end < 0 ? "an exchange" : line.substring(0, end);
    }

    /** Others are waited for until soon after the time of the exchange, or for some seconds if that is earlier. */
    private long graceMillis(RuntimeException failure) {
        Matcher matcher = WAITED.matcher(firstLine(failure));
        double waitedSeconds = matcher.find() ? Double.parseDouble(matcher.group(1)) : 0;
        long leftMillis = Math.max(0, timeout.toMillis() - Math.round(waitedSeconds * 1e3));
        return Math.min(GRACE_MILLIS, leftMillis + GRACE_AFTER_TIMEOUT_MILLIS);
    }

    /** exchange: in which this rank waited. */
    private String describeOthers(String exchange, long graceMillis) {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(graceMillis);
        List<Integer> silent = silent();
        while (!silent.isEmpty() && System.nanoTime() < end) {
            pause();
            silent = silent();
        }
        List<String> gone = new ArrayList<>();
        List<String> elsewhere = new ArrayList<>();
        for (int rank = 0; rank < place.size(); rank++) {
            if (silent.contains(rank)) {
                gone.add("Rank %s (%s) does not answer: it is gone or stands still.".formatted(rank, hostOf(rank)));
                continue;
            }
            int other = rank;
            String left = ask(() -> store.get_to_str(endKey(other))).orElse(WAITS + exchange);
            if (!left.startsWith(WAITS)) {
                gone.add("Rank %s (%s) has ended: %s".formatted(rank, hostOf(rank), sentence(left)));
            } else if (!left.equals(WAITS + exchange)) {
                elsewhere.add("Rank %s (%s) was in %s, rank %s in %s: ranks have to make the same exchanges."
                        .formatted(rank, hostOf(rank), left.substring(WAITS.length()), place.rank(), exchange));
            }
        }
        // Beside one that is gone the others may have come to different exchanges of those that travel at the same
        // time.
        List<String> sentences = gone.isEmpty() ? elsewhere : gone;
        return sentences.isEmpty()
                ? "The connection between ranks was lost; all of them are still there."
                : String.join(" ", sentences);
    }

    private static String sentence(String text) {
        return text.endsWith(".") ? text : text + ".";
    }

    private List<Integer> silent() {
        List<Integer> silent = new ArrayList<>();
        for (int rank = 0; rank < place.size(); rank++) {
            int other = rank;
            if (!ask(() -> store.check(new StringVector(endKey(other)))).orElse(false)) {
                silent.add(rank);
            }
        }
        return silent;
    }

    /** Empty where the store does not answer. */
    private <T> Optional<T> ask(Supplier<T> call) {
        Callable<T> work = call::get;
        Future<T> answer = calls.submit(work);
        try {
            return Optional.ofNullable(answer.get(CALL_MILLIS, TimeUnit.MILLISECONDS));
        } catch (TimeoutException | ExecutionException e) {
            return Optional.empty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return Optional.empty();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(100);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private String hostOf(int rank) {
        return rank < hosts.size() ? hosts.get(rank) : "on a host that has not said its name";
    }

    private String hostKey(int rank) {
        return prefix(place) + "host/" + rank;
    }

    private String endKey(int rank) {
        return prefix(place) + "end/" + rank;
    }

    /** Of all keys of an attempt. */
    static String prefix(RankPlace place) {
        return "mmpo/" + place.attempt() + "/";
    }

    /** As the kernel has it, whether anybody resolves it or not. */
    private static String host() {
        try {
            return Files.readString(HOST_NAME).strip();
        } catch (IOException e) {
            return "a host without a name";
        }
    }

    /** Of LibTorch's messages, which go on with where they come from; Gloo's say so in between. */
    static String firstLine(Throwable failure) {
        String message = String.valueOf(failure.getMessage());
        String line = SOURCE.matcher(message.lines().findFirst().orElse("")).replaceAll("");
        return line.length() > MAX_LINE ? line.substring(0, MAX_LINE) + "..." : line;
    }

    /** Whether the store may be freed: not while a call waits for a rank 0 that stands still. */
    boolean end() {
        calls.shutdownNow();
        try {
            return calls.awaitTermination(CLOSE_MILLIS, TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}

package io.mmpo.dist;

import io.mmpo.MmpoException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * The ranks of one host, each a process of its own: they end together. What rank 0 prints is passed on; of the paragraphs that failed
 * ranks print one is kept, that which says most.
 */
public final class LocalRanks implements AutoCloseable {
    /** In which ranks that have lost another one say so and end: {@link RankReports} takes up to 8 s, and what it closes a little. */
    private static final long GRACE_SECONDS = 12;

    /** In which they do when one of them has: it waited for the others before it spoke. */
    private static final long GRACE_AFTER_WORD_SECONDS = 2;

    private static final int SIGNAL = 128;

    /** Every paragraph of a failure begins so. */
    private static final String FAILURE = "mmpo: ";

    /**
     * What is started.
     *
     * @param command of one rank
     * @param firstRank the number of this host's first
     * @param perHost ranks of this host
     * @param size ranks of all hosts
     * @param attempt how often they have been started before
     */
    public record Plan(
            List<String> command,
            int firstRank,
            int perHost,
            int size,
            String masterAddress,
            int masterPort,
            int attempt) {}

    /** Where what ranks print goes. */
    public record Output(Consumer<String> out, Consumer<String> err) {}

    /**
     * How they ended.
     *
     * @param exitCode of the first that failed; 0 where none did
     * @param failure the paragraph, where one did
     */
    public record End(int exitCode, Optional<String> failure) {}

    private record Ended(RankProcess rank, int exitCode) {
        /** Whether it says that another rank is lost. */
        boolean isConsequence() {
            return rank.failure()
                    .filter(said -> said.contains(RankReports.CONSEQUENCE))
                    .isPresent();
        }

        /** Whether it says why, and not that another rank is lost. */
        boolean isCause() {
            return rank.failure()
                    .filter(said -> !said.contains(RankReports.CONSEQUENCE))
                    .isPresent();
        }
    }

    private final List<RankProcess> ranks = new ArrayList<>();
    private final LinkedBlockingQueue<Ended> ended = new LinkedBlockingQueue<>();

    private LocalRanks() {}

    public static LocalRanks start(Plan plan, Output output) {
        LocalRanks started = new LocalRanks();
        try {
            for (int local = 0; local < plan.perHost(); local++) {
                started.ranks.add(new RankProcess(plan, local, output));
            }
        } catch (IOException e) {
            started.close();
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "A rank cannot be started with %s: %s.",
                    plan.command().getFirst(),
                    e.getMessage());
        }
        started.ranks.forEach(started::watch);
        return started;
    }

    /** In a thread of its own: what it waits for is not for the pool that a whole program shares. */
    private void watch(RankProcess rank) {
        Thread.ofPlatform().daemon().name("mmpo-end-of-rank-" + rank.number).start(() -> {
            try {
                int exitCode = rank.process.waitFor();
                rank.awaitOutput();
                ended.add(new Ended(rank, exitCode));
            } catch (InterruptedException e) {
                throw new AssertionError("nobody interrupts this thread", e);
            }
        });
    }

    /** Waits until all have ended. After the first failure the others have some seconds to tell what they know of it. */
    public End await(int interruptedCode) throws InterruptedException {
        Optional<Ended> firstFailure = Optional.empty();
        boolean interrupted = false;
        List<Ended> all = new ArrayList<>();
        while (all.size() < ranks.size()) {
            Ended next = firstFailure.isEmpty() ? ended.take() : ended.poll(graceSeconds(all), TimeUnit.SECONDS);
            if (next == null) {
                killAll();
                next = ended.take();
            }
            all.add(next);
            interrupted |= next.exitCode() == interruptedCode;
            if (firstFailure.isEmpty() && next.exitCode() != 0 && next.exitCode() != interruptedCode) {
                firstFailure = Optional.of(next);
            }
        }
        if (firstFailure.isEmpty()) {
            return new End(interrupted ? interruptedCode : 0, Optional.empty());
        }
        Ended cause = all.stream().filter(Ended::isCause).findFirst().orElse(firstFailure.get());
        return new End(cause.exitCode(), Optional.of(describe(cause, all)));
    }

    private static long graceSeconds(List<Ended> all) {
        return all.stream().anyMatch(Ended::isConsequence) ? GRACE_AFTER_WORD_SECONDS : GRACE_SECONDS;
    }

    private static String describe(Ended first, List<Ended> all) {
        if (first.exitCode() <= SIGNAL && first.rank().failure().isPresent()) {
            return first.rank().failure().get();
        }
        String end = first.exitCode() > SIGNAL
                ? "Rank %s (process %s) was ended by signal %s."
                        .formatted(first.rank().number, first.rank().process.pid(), first.exitCode() - SIGNAL)
                : "Rank %s (process %s) ended with exit code %s."
                        .formatted(first.rank().number, first.rank().process.pid(), first.exitCode());
        return all.stream()
                .flatMap(other -> other.rank().failure().stream())
                .findFirst()
                .map(seen -> end + " " + seen)
                .orElse(end);
    }

    /** SIGTERM, at which a run saves a checkpoint, says where, and ends. By its handle: Process.destroy closes what it is heard by, too. */
    public void stop() {
        ranks.forEach(rank -> rank.process.toHandle().destroy());
    }

    private void killAll() {
        ranks.forEach(rank -> rank.process.destroyForcibly());
    }

    @Override
    public void close() {
        killAll();
    }

    private static final class RankProcess {
        private final int number;
        private final Process process;
        private final List<Thread> readers = new ArrayList<>();
        private volatile Optional<String> failure = Optional.empty();

        RankProcess(Plan plan, int local, Output output) throws IOException {
            number = plan.firstRank() + local;
            ProcessBuilder builder = new ProcessBuilder(plan.command()).redirectInput(ProcessBuilder.Redirect.PIPE);
            Map<String, String> environment = builder.environment();
            environment.put("RANK", Integer.toString(number));
            environment.put("LOCAL_RANK", Integer.toString(local));
            environment.put("WORLD_SIZE", Integer.toString(plan.size()));
            environment.put("LOCAL_WORLD_SIZE", Integer.toString(plan.perHost()));
            environment.put("MASTER_ADDR", plan.masterAddress());
            environment.put("MASTER_PORT", Integer.toString(plan.masterPort()));
            environment.put("TORCHELASTIC_RESTART_COUNT", Integer.toString(plan.attempt()));
            environment.remove("TORCHELASTIC_USE_AGENT_STORE");
            process = builder.start();
            boolean isFirst = number == 0;
            read(process.getInputStream(), line -> {
                if (isFirst) {
                    output.out().accept(line);
                }
            });
            read(process.getErrorStream(), line -> {
                if (line.startsWith(FAILURE)) {
                    failure = Optional.of(line.substring(FAILURE.length()));
                } else if (isFirst) {
                    output.err().accept(line);
                }
            });
        }

        private void read(InputStream stream, Consumer<String> line) {
            readers.add(Thread.ofPlatform().daemon().name("mmpo-rank-" + number).start(() -> {
                try (BufferedReader reader =
                        new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
                    reader.lines().forEach(line);
                } catch (IOException | UncheckedIOException e) {
                    // It has ended.
                }
            }));
        }

        void awaitOutput() throws InterruptedException {
            for (Thread reader : readers) {
                reader.join(TimeUnit.SECONDS.toMillis(5));
            }
        }

        Optional<String> failure() {
            return failure;
        }
    }
}

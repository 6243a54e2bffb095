package example.embed;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.mmpo.FineTuning;
import io.mmpo.LanguageModel;
import io.mmpo.Row;
import io.mmpo.Rows;
import io.mmpo.TrainingReport;
import io.mmpo.TrainingRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Tunes an adapter to the feedback, one run at a time, always from the model as it came. Each run has a directory run-N, which has a
 * directory final once the adapter is whole; the last of those is what is served, after a restart too.
 */
final class Tuner implements AutoCloseable {
    private static final String RUN = "run-";

    private final Path model;
    private final Path runs;
    private final Map<String, Object> keys;
    private final Feedback feedback;
    private final ServedModel served;
    private TrainingRun current;
    private Thread waiting;
    private boolean closed;
    private String failure;

    /** phase, done, total: of the run that goes on. failure: what ended the last one. */
    @JsonInclude(JsonInclude.Include.NON_NULL)
    record Status(String model, int verdicts, boolean tuning, String phase, Long done, Long total, String failure) {}

    /** What came of asking for a run. */
    enum Start {
        STARTED,
        ALREADY_RUNNING,
        NOTHING_TO_LEARN
    }

    /** keys: of mmpo's configuration, over what this service sets. */
    private Tuner(Path model, Path runs, Map<String, Object> keys, Feedback feedback, ServedModel served) {
        this.model = model;
        this.runs = runs;
        this.keys = keys;
        this.feedback = feedback;
        this.served = served;
    }

    /** Opens the last adapter, or the model alone where there is none. */
    static Tuner open(Path model, Path runs, Map<String, Object> keys, Feedback feedback) throws IOException {
        Files.createDirectories(runs);
        Optional<Path> last = numbered(runs).filter(Tuner::isWhole).reduce((earlier, later) -> later);
        ServedModel served = last.isPresent()
                ? new ServedModel(adapted(model, last.get()), name(last.get()))
                : new ServedModel(LanguageModel.load(model), "base");
        return new Tuner(model, runs, keys, feedback, served);
    }

    private static LanguageModel adapted(Path model, Path run) {
        return LanguageModel.builder(model).adapter(run.resolve("final")).load();
    }

    private static boolean isWhole(Path run) {
        return Files.isDirectory(run.resolve("final"));
    }

    /** In the order of their numbers. */
    private static Stream<Path> numbered(Path runs) throws IOException {
        try (Stream<Path> entries = Files.list(runs)) {
            return entries
                    .filter(entry -> name(entry).matches(RUN + "\\d{1,9}"))
                    .sorted(Comparator.comparingInt(Tuner::number))
                    .toList()
                    .stream();
        }
    }

    private static int number(Path run) {
        return Integer.parseInt(name(run).substring(RUN.length()));
    }

    private static String name(Path path) {
        return path.getFileName().toString();
    }

    ServedModel served() {
        return served;
    }

    synchronized Status status() {
        boolean tuning = current != null;
        TrainingRun.Progress progress = tuning ? current.progress() : null;
        return new Status(
                served.name(),
                feedback.size(),
                tuning,
                tuning ? progress.phase().name() : null,
                tuning ? progress.done() : null,
                tuning && progress.total() != TrainingRun.Progress.UNKNOWN ? progress.total() : null,
                failure);
    }

    /** Returns at once; the model so far answers until the new one is ready. */
    synchronized Start start() throws IOException {
        if (current != null || closed) {
            return Start.ALREADY_RUNNING;
        }
        List<Row.Pair> pairs = feedback.pairs();
        if (pairs.isEmpty()) {
            return Start.NOTHING_TO_LEARN;
        }
        Path directory =
                runs.resolve(RUN + (numbered(runs).mapToInt(Tuner::number).max().orElse(0) + 1));
        FineTuning.Builder tuning = FineTuning.of(model)
                .rows(Rows.of(pairs))
                .lora(16)
                .output(directory)
                .set("save_strategy", "no");
        keys.forEach(tuning::set);
        failure = null;
        current = tuning.start();
        TrainingRun run = current;
        waiting = Thread.startVirtualThread(() -> finish(run, directory));
        return Start.STARTED;
    }

    private void finish(TrainingRun run, Path directory) {
        String problem = null;
        try (TrainingReport report = run.join()) {
            if (!report.isCancelled()) {
                served.replace(adapted(model, directory), name(directory));
                removeOthers(directory);
            }
        } catch (RuntimeException | IOException e) {
            problem = e.getMessage();
        }
        synchronized (this) {
            current = null;
            failure = problem;
        }
    }

    /** What is not served any more, and what runs that failed or were killed have left. */
    private void removeOthers(Path kept) throws IOException {
        for (Path run : numbered(runs).filter(run -> !run.equals(kept)).toList()) {
            try (Stream<Path> files = Files.walk(run)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    /** Cancels a run that goes on, and waits for its end. */
    @Override
    public void close() throws IOException {
        Thread last;
        synchronized (this) {
            closed = true;
            last = waiting;
            if (current != null) {
                current.cancel();
            }
        }
        try {
            if (last != null) {
                last.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        served.close();
    }
}

package io.mmpo.tune;

import io.mmpo.MmpoException;
import io.mmpo.config.TuningConfig;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.OwnerLock;
import io.mmpo.train.ProgressListener;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Searches one key after another for the greatest reward accuracy on the evaluation rows, as the MMPO paper does; each stage begins with
 * what the stages before it found. Whatever a search that was broken off has done is found in its files, so the same call goes on with it
 * and comes to the same table.
 */
public final class Tuning {
    /** The best trial's configuration. */
    public static final String BEST = "best.yaml";

    private static final String TRIALS = "trials";

    private final TuningConfig config;
    private final Path directory;
    private final ProgressListener listener;

    private Tuning(TuningConfig config, ProgressListener listener) {
        this.config = config;
        this.directory = config.outputDir();
        this.listener = listener;
    }

    /** One result a stage; fewer where the listener asked to stop. */
    public static List<StageResult> run(TuningConfig config, ProgressListener listener) {
        try (OwnerLock lock =
                OwnerLock.ofDirectory(config.outputDir(), "output_dir " + config.outputDir(), listener::message)) {
            return new Tuning(config, listener).run();
        }
    }

    private List<StageResult> run() {
        Map<String, String> found = new LinkedHashMap<>(config.start());
        List<StageResult> results = new ArrayList<>();
        for (TuningConfig.Stage stage : config.stages()) {
            Optional<StageResult> result = search(stage, found);
            if (result.isEmpty()) {
                return results;
            }
            results.add(result.get());
            result.get().sentences().forEach(listener::message);
            StageResult.Row best = result.get()
                    .best()
                    .orElseThrow(() -> MmpoException.of(
                            MmpoException.Kind.TRAINING,
                            null,
                            "No trial of the stage %s has a reward accuracy: %s. Try smaller learning rates, or look at the data.",
                            stage.key(),
                            result.get().rows().getFirst().failure().orElse("none was evaluated")));
            found.put(stage.key(), best.value());
        }
        AtomicFile.write(
                directory.resolve(BEST),
                config.trial(found, directory.resolve("best")).toYaml());
        return results;
    }

    /** Empty where the listener asked to stop. */
    private Optional<StageResult> search(TuningConfig.Stage stage, Map<String, String> others) {
        Map<String, Trial> trials = new LinkedHashMap<>();
        for (String value : stage.values()) {
            Map<String, String> values = new LinkedHashMap<>(others);
            values.put(stage.key(), value);
            Trial trial = Trial.of(config, values, directory.resolve(TRIALS));
            trials.put(value, trial);
        }
        Map<String, StageResult.Row> rows = new LinkedHashMap<>();
        List<String> running = List.copyOf(trials.keySet());
        for (double share : shares(running.size())) {
            for (String value : running) {
                Trial trial = Objects.requireNonNull(trials.get(value));
                String name = "trial %s %s".formatted(stage.key(), value);
                listener.message("%s, to %s of its run".formatted(name, StageResult.percent(share)));
                if (!trial.runTo(share, listener)) {
                    return Optional.empty();
                }
                StageResult.Row row = row(value, share, trial);
                rows.put(value, row);
                listener.message(name
                        + (row.failure().isPresent()
                                ? " has no result"
                                : ": reward accuracy " + StageResult.percent(row.accuracy())));
            }
            running = best(running, rows);
        }
        trials.values().forEach(Trial::removeWeights);
        Map<String, String> before = new LinkedHashMap<>(others);
        before.remove(stage.key());
        List<StageResult.Row> inOrder =
                stage.values().stream().map(rows::get).filter(Objects::nonNull).toList();
        return Optional.of(new StageResult(stage.key(), before, inOrder));
    }

    private static StageResult.Row row(String value, double share, Trial trial) {
        Optional<String> failure = trial.failure();
        Optional<TrialMetrics.Measured> best =
                failure.isPresent() ? Optional.empty() : trial.metrics().best(share);
        if (failure.isEmpty() && best.isEmpty()) {
            throw MmpoException.configuration(
                    "A trial was trained and not evaluated, so nothing can be compared. Set eval_dataset_name to rows that are not trained"
                            + " on, and eval_strategy to epoch or steps.");
        }
        return new StageResult.Row(
                value,
                share,
                best.map(TrialMetrics.Measured::accuracy).orElse(Double.NaN),
                best.map(TrialMetrics.Measured::step).orElse(0),
                best.map(TrialMetrics.Measured::epoch).orElse(0.0),
                failure);
    }

    /** After which shares of their runs trials are compared: with halving by h all of n go to h^-r of it, where h^r is about n. */
    private List<Double> shares(int trials) {
        List<Double> shares = new ArrayList<>(List.of(1.0));
        if (config.halving().isPresent()) {
            double divisor = config.halving().getAsInt();
            for (double left = trials / divisor; left >= 1; left /= divisor) {
                shares.addFirst(shares.getFirst() / divisor);
            }
        }
        return shares;
    }

    /** Those that go on: one in so many, at least one, in the order of the file. A tie at the edge goes to the first. */
    private List<String> best(List<String> running, Map<String, StageResult.Row> rows) {
        if (config.halving().isEmpty()) {
            return running;
        }
        int kept = Math.max(1, running.size() / config.halving().getAsInt());
        List<String> best = running.stream()
                .map(rows::get)
                .filter(Objects::nonNull)
                .filter(row -> !Double.isNaN(row.accuracy()))
                .sorted(Comparator.comparingDouble(row -> -row.accuracy()))
                .limit(kept)
                .map(StageResult.Row::value)
                .toList();
        return running.stream().filter(best::contains).toList();
    }
}

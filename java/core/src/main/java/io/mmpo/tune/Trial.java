package io.mmpo.tune;

import io.mmpo.MmpoException;
import io.mmpo.config.ConfigChange;
import io.mmpo.config.TrainingConfig;
import io.mmpo.config.TuningConfig;
import io.mmpo.files.AtomicDirectory;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.IoProblem;
import io.mmpo.train.ProgressListener;
import io.mmpo.train.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A run with values to try, in a directory of its own that is named by them; so a stage that comes to the same values finds it there. */
final class Trial {
    /** Why it ended without a result, where its loss was no number. */
    private static final String FAILURE = "failed.txt";

    private final Path directory;
    private final TrainingConfig config;

    private Trial(Path directory, TrainingConfig config) {
        this.directory = directory;
        this.config = config;
    }

    static Trial of(TuningConfig tuning, Map<String, String> values, Path parent) {
        String name = values.entrySet().stream()
                .map(entry -> entry.getKey() + "-" + entry.getValue())
                .collect(Collectors.joining("_"));
        Path directory = parent.resolve(name);
        Trial trial = new Trial(directory, tuning.trial(values, directory));
        trial.requireSameConfig();
        return trial;
    }

    /** Results of another configuration would stand in the same table. */
    private void requireSameConfig() {
        Path saved = directory.resolve("config.yaml");
        if (!Files.isRegularFile(saved)) {
            return;
        }
        List<ConfigChange> changes = config.changesSince(saved);
        if (!changes.isEmpty()) {
            throw MmpoException.configuration(
                    "%s was run with another configuration: %s. Go on with the same, or choose another output_dir.",
                    directory, changes.stream().map(ConfigChange::toString).collect(Collectors.joining("; ")));
        }
    }

    TrialMetrics metrics() {
        return TrialMetrics.read(directory, config);
    }

    /** Why there is no result; empty where there is or may be one. */
    Optional<String> failure() {
        Path file = directory.resolve(FAILURE);
        try {
            return Files.isRegularFile(file)
                    ? Optional.of(Files.readString(file).strip())
                    : Optional.empty();
        } catch (IOException e) {
            throw IoProblem.unreadable(file, e);
        }
    }

    /** Trains until the first evaluation after this share of the run, if that is still to come. False where the listener asked to stop. */
    boolean runTo(double share, ProgressListener listener) {
        if (failure().isPresent() || metrics().reached(share)) {
            return true;
        }
        StopAtShare stop = new StopAtShare(listener, config, share);
        try {
            boolean wasInterrupted = Trainer.run(config, stop).interrupted();
            return !wasInterrupted || !listener.stopRequested();
        } catch (MmpoException e) {
            if (e.kind() != MmpoException.Kind.TRAINING) {
                throw e;
            }
            AtomicFile.write(directory.resolve(FAILURE), e.getMessage() + "\n");
            listener.message("this trial is over: " + e.getMessage());
            return true;
        }
    }

    /** A search is after a value, and a model of each trial would fill the disk. */
    void removeWeights() {
        if (!Files.isDirectory(directory)) {
            return;
        }
        try (Stream<Path> entries = Files.list(directory)) {
            entries.filter(path -> path.getFileName().toString().matches("final|checkpoint-\\d+"))
                    .toList()
                    .forEach(AtomicDirectory::remove);
        } catch (IOException e) {
            throw IoProblem.unreadable(directory, e);
        }
    }
}

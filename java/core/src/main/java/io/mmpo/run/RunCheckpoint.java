package io.mmpo.run;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.mmpo.MmpoException;
import io.mmpo.config.ConfigChange;
import io.mmpo.config.TrainingConfig;
import io.mmpo.files.AtomicDirectory;
import io.mmpo.files.IoProblem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** A checkpoint that a run can go on from, and what it says about itself. */
public record RunCheckpoint(Path path, TrainerState state) {
    /** Of the optimizer's state, of the first rank where there are several; a checkpoint of the model alone has none. */
    private static final String OPTIMIZER = "optimizer.safetensors";

    /** What the files of the other ranks begin with. */
    private static final String OPTIMIZER_OF_RANK = "optimizer.rank-";

    /** Files of a checkpoint that are not the model's. */
    private static final Set<String> ABOUT_THE_RUN =
            Set.of(OPTIMIZER, TrainerState.FILE, RunDirectory.CONFIG, AtomicDirectory.MANIFEST);

    /**
     * Writes what a checkpoint says about itself into its directory, beside the model's files and the optimizer's state.
     *
     * @param target what the directory will be, for messages
     */
    public static void describe(Path directory, Path target, TrainerState state, TrainingConfig config) {
        try {
            Files.writeString(directory.resolve(TrainerState.FILE), state.toJson());
            Files.writeString(directory.resolve(RunDirectory.CONFIG), config.toYaml());
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "%s cannot be written: %s. Make room, or choose another output_dir.",
                    target,
                    IoProblem.of(e));
        }
    }

    /** The files of the model alone, as they were written: its weights are those of the checkpoint to the bit. */
    public static void copyModel(Path checkpoint, Path target) {
        AtomicDirectory.problem(checkpoint).ifPresent(problem -> {
            throw MmpoException.data("The best checkpoint cannot become the final model: %s", problem);
        });
        try (Stream<Path> files = Files.list(checkpoint)) {
            for (Path file : files.filter(RunCheckpoint::isTheModels).toList()) {
                Files.copy(file, target.resolve(file.getFileName()));
            }
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "%s cannot be copied to %s: %s. Make room; the checkpoint is whole.",
                    checkpoint,
                    target,
                    IoProblem.of(e));
        }
    }

    private static boolean isTheModels(Path file) {
        String name = file.getFileName().toString();
        return !ABOUT_THE_RUN.contains(name) && !name.startsWith(OPTIMIZER_OF_RANK);
    }

    /**
     * "true" is the newest checkpoint in output_dir that is complete, or none where there is no checkpoint yet; anything else
     * is the directory of one. A newer one that is damaged is told of and left where it is.
     */
    public static Optional<RunCheckpoint> find(String resumeFrom, RunDirectory directory, Consumer<String> messages) {
        if (!resumeFrom.equals("true")) {
            return Optional.of(read(Path.of(resumeFrom)));
        }
        List<Path> checkpoints = directory.checkpoints().reversed();
        for (Path checkpoint : checkpoints) {
            try {
                return Optional.of(read(checkpoint));
            } catch (MmpoException e) {
                messages.accept("warning: passing over " + e.getMessage());
            }
        }
        if (!checkpoints.isEmpty()) {
            throw MmpoException.data(
                    "resume_from_checkpoint is true, but output_dir %s holds no complete checkpoint: %s is damaged or without the"
                            + " optimizer's state, and so is every older one. Start anew in another output_dir.",
                    directory.path(), checkpoints.getFirst().getFileName());
        }
        messages.accept("no checkpoint in " + directory.path() + " yet: starting from the beginning");
        return Optional.empty();
    }

    private static RunCheckpoint read(Path checkpoint) {
        Path file = checkpoint.resolve(TrainerState.FILE);
        boolean isModelAlone = Files.isRegularFile(file)
                && !Files.exists(checkpoint.resolve(OPTIMIZER))
                && AtomicDirectory.problem(checkpoint).isEmpty();
        if (isModelAlone) {
            throw MmpoException.data(
                    "%s, which holds the model without the optimizer's state (save_only_model), so that no run can go on from it. Name"
                            + " another one in resume_from_checkpoint, or begin a new run with model_name_or_path: %s.",
                    checkpoint, checkpoint);
        }
        Optional<String> problem =
                AtomicDirectory.problem(checkpoint, TrainerState.FILE, RunDirectory.CONFIG, OPTIMIZER);
        if (problem.isPresent()) {
            throw MmpoException.data(
                    "%s, which is not a complete checkpoint: %s. Name another one in resume_from_checkpoint.",
                    checkpoint, problem.get());
        }
        try {
            return new RunCheckpoint(checkpoint, TrainerState.fromJson(Files.readString(file)));
        } catch (JsonProcessingException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s, which this version cannot go on from: its %s: %s. Name another one in resume_from_checkpoint.",
                    checkpoint,
                    TrainerState.FILE,
                    IoProblem.of(e));
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s, which is not a training checkpoint: it has no %s. Name another one in resume_from_checkpoint.",
                    checkpoint,
                    TrainerState.FILE);
        }
    }

    /**
     * Refuses another configuration and other rows, unless the configuration says that it may: then they are told.
     *
     * @param numRows of the run that would go on; dataFingerprint, microBatchSize (of all ranks) and totalSteps likewise
     */
    public void requireSameRun(
            TrainingConfig config,
            int numRows,
            String dataFingerprint,
            int microBatchSize,
            int totalSteps,
            Consumer<String> messages) {
        List<ConfigChange> changes = new ArrayList<>(config.changesSince(path.resolve(RunDirectory.CONFIG)));
        String rowsThen = describeRows(state.numRows(), state.dataFingerprint());
        String rowsNow = describeRows(numRows, dataFingerprint);
        if (!rowsThen.equals(rowsNow)) {
            changes.add(new ConfigChange("the training data", rowsThen, rowsNow));
        }
        if (state.trainBatchSize() != microBatchSize) {
            changes.add(new ConfigChange(
                    "per_device_train_batch_size of all ranks together",
                    Integer.toString(state.trainBatchSize()),
                    Integer.toString(microBatchSize)));
        }
        if (changes.isEmpty()) {
            return;
        }
        String list = changes.stream().map(ConfigChange::toString).collect(Collectors.joining("; "));
        if (!config.run().resumeWithChangedConfig()) {
            throw MmpoException.configuration(
                    "The checkpoint %s was written by a run that was told something else: %s. Resume with the same, or take the new"
                            + " values from here on with resume_with_changed_config=true.",
                    path, list);
        }
        if (state.globalStep() > totalSteps) {
            throw MmpoException.configuration(
                    "The checkpoint %s was written after step %d, and this run ends after step %d. Raise max_steps or num_train_epochs.",
                    path, state.globalStep(), totalSteps);
        }
        messages.accept("resume_with_changed_config: " + list);
    }

    private static String describeRows(int number, String fingerprint) {
        return number + " rows (" + fingerprint + ")";
    }
}

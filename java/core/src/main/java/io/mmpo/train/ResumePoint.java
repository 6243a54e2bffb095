package io.mmpo.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.mmpo.MmpoException;
import io.mmpo.config.ConfigChange;
import io.mmpo.config.TrainingConfig;
import io.mmpo.files.AtomicDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** A checkpoint that a run goes on from, and what it says about itself. */
record ResumePoint(Path checkpoint, TrainerState state) {
    /**
     * "true" is the newest checkpoint in output_dir that is complete, or none where there is no checkpoint yet; anything else
     * is the directory of one. A newer one that is damaged is told of and left where it is.
     */
    static Optional<ResumePoint> find(String resumeFrom, RunDirectory directory, ProgressListener listener) {
        if (!resumeFrom.equals("true")) {
            return Optional.of(read(Path.of(resumeFrom)));
        }
        List<Path> checkpoints = directory.checkpoints().reversed();
        for (Path checkpoint : checkpoints) {
            try {
                return Optional.of(read(checkpoint));
            } catch (MmpoException e) {
                listener.message("warning: passing over " + e.getMessage());
            }
        }
        if (!checkpoints.isEmpty()) {
            throw MmpoException.data(
                    "resume_from_checkpoint is true, but output_dir %s holds no complete checkpoint: %s is damaged or without the"
                            + " optimizer's state, and so is every older one. Start anew in another output_dir.",
                    directory.path(), checkpoints.getFirst().getFileName());
        }
        listener.message("no checkpoint in " + directory.path() + " yet: starting from the beginning");
        return Optional.empty();
    }

    private static ResumePoint read(Path checkpoint) {
        Path file = checkpoint.resolve(TrainerState.FILE);
        boolean isModelAlone = Files.isRegularFile(file)
                && !Files.exists(checkpoint.resolve(Checkpoints.OPTIMIZER))
                && AtomicDirectory.problem(checkpoint).isEmpty();
        if (isModelAlone) {
            throw MmpoException.data(
                    "%s, which holds the model without the optimizer's state (save_only_model), so that no run can go on from it. Name"
                            + " another one in resume_from_checkpoint, or begin a new run with model_name_or_path: %s.",
                    checkpoint, checkpoint);
        }
        Optional<String> problem =
                AtomicDirectory.problem(checkpoint, TrainerState.FILE, RunDirectory.CONFIG, Checkpoints.OPTIMIZER);
        if (problem.isPresent()) {
            throw MmpoException.data(
                    "%s, which is not a complete checkpoint: %s. Name another one in resume_from_checkpoint.",
                    checkpoint, problem.get());
        }
        try {
            return new ResumePoint(checkpoint, TrainerState.fromJson(Files.readString(file)));
        } catch (JsonProcessingException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s, which this version cannot go on from: its %s: %s. Name another one in resume_from_checkpoint.",
                    checkpoint,
                    TrainerState.FILE,
                    e.getOriginalMessage());
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s, which is not a training checkpoint: it has no %s. Name another one in resume_from_checkpoint.",
                    checkpoint,
                    TrainerState.FILE);
        }
    }

    /** Refuses another configuration and other rows, unless the configuration says that it may: then they are told. */
    void requireSameRun(TrainingConfig config, StepPlan plan, String dataFingerprint, ProgressListener listener) {
        List<ConfigChange> changes = new ArrayList<>(config.changesSince(checkpoint.resolve(RunDirectory.CONFIG)));
        String rowsThen = describeRows(state.numRows(), state.dataFingerprint());
        String rowsNow = describeRows(plan.numRows(), dataFingerprint);
        if (!rowsThen.equals(rowsNow)) {
            changes.add(new ConfigChange("the training data", rowsThen, rowsNow));
        }
        if (changes.isEmpty()) {
            return;
        }
        String list = changes.stream().map(ConfigChange::toString).collect(Collectors.joining("; "));
        if (!config.run().resumeWithChangedConfig()) {
            throw MmpoException.configuration(
                    "The checkpoint %s was written by a run that was told something else: %s. Resume with the same, or take the new"
                            + " values from here on with resume_with_changed_config=true.",
                    checkpoint, list);
        }
        if (state.globalStep() > plan.totalSteps()) {
            throw MmpoException.configuration(
                    "The checkpoint %s was written after step %d, and this run ends after step %d. Raise max_steps or num_train_epochs.",
                    checkpoint, state.globalStep(), plan.totalSteps());
        }
        listener.message("resume_with_changed_config: " + list);
    }

    private static String describeRows(int number, String fingerprint) {
        return number + " rows (" + fingerprint + ")";
    }
}

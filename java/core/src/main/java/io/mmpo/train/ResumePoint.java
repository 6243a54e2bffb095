package io.mmpo.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.mmpo.MmpoException;
import io.mmpo.config.TrainingConfig;
import io.mmpo.model.AtomicDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A checkpoint that a run goes on from, and what it says about itself. */
record ResumePoint(Path checkpoint, TrainerState state) {
    /** "true" is the newest complete checkpoint in output_dir, anything else the directory of one. */
    static ResumePoint find(String resumeFrom, RunDirectory directory) {
        Path checkpoint = resumeFrom.equals("true") ? newest(directory) : Path.of(resumeFrom);
        Path file = checkpoint.resolve(TrainerState.FILE);
        if (!AtomicDirectory.isValid(checkpoint) || !Files.isRegularFile(file)) {
            throw MmpoException.data(
                    "resume_from_checkpoint: %s is not a complete checkpoint (its manifest.json is missing or does not fit its files);"
                            + " give the directory of another one",
                    checkpoint);
        }
        try {
            return new ResumePoint(checkpoint, TrainerState.fromJson(Files.readString(file)));
        } catch (JsonProcessingException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA, e, "%s is not a trainer state: %s", file, e.getOriginalMessage());
        } catch (IOException e) {
            throw MmpoException.of(MmpoException.Kind.DATA, e, "%s cannot be read: %s", file, e);
        }
    }

    /** The rows of a step are a function of these; another value would train on other rows, or end elsewhere. */
    void requireSameRun(TrainingConfig config, StepPlan plan) {
        require("rows of the training data", state.numRows(), plan.numRows());
        require("max_steps", state.maxSteps(), plan.totalSteps());
        require("per_device_train_batch_size", state.trainBatchSize(), plan.microBatchSize());
        require("gradient_accumulation_steps", state.gradientAccumulationSteps(), plan.accumulation());
        require("seed", state.seed(), config.run().seed());
    }

    private void require(String what, long saved, long now) {
        if (saved != now) {
            throw MmpoException.configuration(
                    "The checkpoint %s was written with %s %d, and this run has %d; resume with the same, or start a new run",
                    checkpoint, what, saved, now);
        }
    }

    private static Path newest(RunDirectory directory) {
        return directory.checkpoints().reversed().stream()
                .filter(AtomicDirectory::isValid)
                .findFirst()
                .orElseThrow(() -> MmpoException.data(
                        "resume_from_checkpoint is true, but output_dir %s holds no complete checkpoint; start without it",
                        directory.path()));
    }
}

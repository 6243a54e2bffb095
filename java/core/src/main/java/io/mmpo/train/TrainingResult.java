package io.mmpo.train;

import io.mmpo.TrainingSummary;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How a run ended.
 *
 * @param directory of the final model, or of the last checkpoint where the run was interrupted; empty where it left none
 * @param summary empty where it was interrupted
 * @param model of a run that leaves no files and trained something; the caller closes it
 */
public record TrainingResult(
        Optional<Path> directory, int globalStep, Optional<TrainingSummary> summary, Optional<TrainedModel> model) {
    public boolean interrupted() {
        return summary.isEmpty();
    }

    TrainingResult with(TrainedModel trained) {
        return new TrainingResult(directory, globalStep, summary, Optional.of(trained));
    }
}

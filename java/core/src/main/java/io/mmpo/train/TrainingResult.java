package io.mmpo.train;

import io.mmpo.TrainingSummary;
import java.nio.file.Path;
import java.util.Optional;

/**
 * How a run ended.
 *
 * @param directory of the final model, or of the last checkpoint where the run was interrupted
 * @param summary empty where it was interrupted
 */
public record TrainingResult(Path directory, int globalStep, Optional<TrainingSummary> summary) {
    public boolean interrupted() {
        return summary.isEmpty();
    }
}

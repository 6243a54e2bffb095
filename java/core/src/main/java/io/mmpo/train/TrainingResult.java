package io.mmpo.train;

import java.nio.file.Path;
import java.util.Map;

/**
 * How a run ended. directory: of the final model, or of the last checkpoint where the run was interrupted. metrics: the last
 * line logged.
 */
public record TrainingResult(Path directory, int globalStep, boolean interrupted, Map<String, Number> metrics) {}

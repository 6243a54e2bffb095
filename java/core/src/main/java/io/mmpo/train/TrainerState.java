package io.mmpo.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.util.List;
import java.util.Map;

/**
 * trainer_state.json of a checkpoint, with Hugging Face's names. globalStep is also the position in the data, because the rows
 * of a step are a function of the step, of the rows, of the batch sizes and of the seed.
 *
 * @param dataFingerprint of the training rows: {@link DataFingerprint}
 * @param totalLoss sum of the losses of stepsWithLoss steps: those that have one
 * @param window what the next line of metrics averages over
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
record TrainerState(
        int globalStep,
        double epoch,
        int maxSteps,
        int numTrainEpochs,
        int trainBatchSize,
        int gradientAccumulationSteps,
        int loggingSteps,
        int saveSteps,
        int numRows,
        String dataFingerprint,
        double totalLoss,
        int stepsWithLoss,
        MetricWindow.Sums window,
        List<Map<String, Number>> logHistory) {
    static final String FILE = "trainer_state.json";
    private static final ObjectMapper JSON = new ObjectMapper()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES);

    String toJson() {
        try {
            return JSON.writeValueAsString(this) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a trainer state could not be written as JSON", e);
        }
    }

    static TrainerState fromJson(String text) throws JsonProcessingException {
        return JSON.readValue(text, TrainerState.class);
    }
}

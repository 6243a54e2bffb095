package io.mmpo.train;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.util.List;
import java.util.Map;

/**
 * trainer_state.json of a checkpoint, with Hugging Face's names. globalStep is also the position in the data, because the rows
 * of a step are a function of the step, of numRows (in the training data), of the batch sizes and of the seed.
 */
record TrainerState(
        @JsonProperty("global_step") int globalStep,
        @JsonProperty("epoch") double epoch,
        @JsonProperty("max_steps") int maxSteps,
        @JsonProperty("num_train_epochs") int numTrainEpochs,
        @JsonProperty("train_batch_size") int trainBatchSize,
        @JsonProperty("gradient_accumulation_steps") int gradientAccumulationSteps,
        @JsonProperty("logging_steps") int loggingSteps,
        @JsonProperty("save_steps") int saveSteps,
        @JsonProperty("num_rows") int numRows,
        @JsonProperty("seed") long seed,
        @JsonProperty("log_history") List<Map<String, Number>> logHistory) {
    static final String FILE = "trainer_state.json";
    private static final ObjectMapper JSON = new ObjectMapper()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);

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

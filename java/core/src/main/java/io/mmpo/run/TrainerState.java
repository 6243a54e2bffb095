package io.mmpo.run;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import com.fasterxml.jackson.databind.annotation.JsonSerialize;
import io.mmpo.RunMetrics;
import java.io.IOException;
import java.util.List;

/**
 * trainer_state.json of a checkpoint, with Hugging Face's names. globalStep is also the position in the data, because the rows
 * of a step are a function of the step, of the rows, of the batch sizes and of the seed.
 *
 * @param dataFingerprint of the training rows' token ids in their order
 * @param totalLoss sum of the losses of stepsWithLoss steps: those that have one
 * @param window what the next line of metrics averages over
 */
@JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
public record TrainerState(
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
        WindowSums window,

        @JsonSerialize(contentUsing = LineWriter.class) @JsonDeserialize(contentUsing = LineReader.class)
        List<RunMetrics> logHistory) {
    static final String FILE = "trainer_state.json";
    private static final ObjectMapper JSON = new ObjectMapper()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES);

    /** Of the steps since the last line of metrics, so that the next line is that of a run without a break. */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record WindowSums(
            int steps,
            int stepsWithLoss,
            double loss,
            long groups,
            long tokens,
            double seconds,
            double dataWaitSeconds,
            PairSums preference) {
        public static final WindowSums NONE = new WindowSums(0, 0, 0, 0, 0, 0, 0, PairSums.NONE);
    }

    /** Over pairs whose two responses were scored. */
    @JsonNaming(PropertyNamingStrategies.SnakeCaseStrategy.class)
    public record PairSums(
            long pairs,
            double chosenReward,
            double rejectedReward,
            double accurate,
            double chosenLogp,
            double rejectedLogp) {
        public static final PairSums NONE = new PairSums(0, 0, 0, 0, 0, 0);
    }

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

    private static final class LineWriter extends JsonSerializer<RunMetrics> {
        @Override
        public void serialize(RunMetrics line, JsonGenerator out, SerializerProvider provider) throws IOException {
            provider.defaultSerializeValue(MetricNames.written(line), out);
        }
    }

    private static final class LineReader extends JsonDeserializer<RunMetrics> {
        @Override
        public RunMetrics deserialize(JsonParser parser, DeserializationContext context) throws IOException {
            return MetricNames.read(parser.readValueAsTree())
                    .orElseThrow(() ->
                            context.instantiationException(RunMetrics.class, "a line of log_history has no step"));
        }
    }
}

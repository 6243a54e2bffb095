package io.mmpo.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.MmpoException;
import io.mmpo.SharedFiles;
import io.mmpo.model.ModelFiles;
import io.mmpo.model.SafetensorsReader;
import io.mmpo.nativelib.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The type of the weights that a run leaves, and what a narrower one takes from what was trained. */
class SavedTypeTest {
    @TempDir
    Path directory;

    private Path rows;
    private final List<String> messages = new ArrayList<>();

    @BeforeEach
    void writeRows() throws IOException {
        rows = GoldenRun.writeRows(directory);
    }

    @ParameterizedTest
    @CsvSource({
        "false, float32, , float32, F32",
        "true, float32, , float32, F32",
        "true, float32, bfloat16, bfloat16, BF16",
        "true, float32, float16, float16, F16",
        "true, bfloat16, , bfloat16, BF16",
        "true, bfloat16, float32, float32, F32"
    })
    void filesAndConfigurationSayTheSameType(
            boolean bf16, String dtype, String saveDtype, String type, String safetensorsType) throws IOException {
        Map<String, Object> keys = new HashMap<>(Map.of("bf16", bf16, "dtype", dtype, "save_strategy", "steps"));
        if (saveDtype != null) {
            keys.put("save_dtype", saveDtype);
        }
        Path run = train("run", 2, keys);
        for (String name : List.of("final", "checkpoint-2")) {
            JsonNode config = new ObjectMapper()
                    .readTree(run.resolve(name + "/config.json").toFile());
            assertThat(
                            config.has("dtype")
                                    ? config.get("dtype").asText()
                                    : config.get("torch_dtype").asText())
                    .isEqualTo(type);
            try (ModelFiles files = ModelFiles.open(run.resolve(name))) {
                assertThat(files.weights()).extracting(Tensor::dtype).containsOnly(safetensorsType);
            }
        }
    }

    /** What is trained lies in a checkpoint once: in the model's file, or beside it where that is rounded. */
    @ParameterizedTest
    @CsvSource({
        "float32, float32, false",
        "float32, bfloat16, true",
        "bfloat16, bfloat16, false",
        "bfloat16, float32, false"
    })
    void aCheckpointHoldsTheMastersOnce(String dtype, String saveDtype, boolean apart) throws IOException {
        Path run = train(
                "run", 2, Map.of("bf16", true, "dtype", dtype, "save_dtype", saveDtype, "save_strategy", "steps"));
        try (SafetensorsReader optimizer = SafetensorsReader.open(run.resolve("checkpoint-2/optimizer.safetensors"))) {
            assertThat(optimizer.tensors().stream()
                            .anyMatch(tensor -> tensor.name().startsWith("master.")))
                    .isEqualTo(apart);
        }
    }

    /** The source is float32: what it has beyond bfloat16 is there after updates of nothing. */
    @Test
    void mastersBeginAsTheFilesHaveThem() throws IOException {
        Path run = train("run", 1, Map.of("bf16", true, "learning_rate", 1e-30));
        try (ModelFiles source = ModelFiles.open(SharedFiles.path("golden/tiny_llama/tied"));
                ModelFiles saved = ModelFiles.open(run.resolve("final"))) {
            Map<String, Tensor> byName = byName(source);
            for (Tensor weights : saved.weights()) {
                assertThat(weights.data().mismatch(byName.get(weights.name()).data()))
                        .as(weights.name())
                        .isEqualTo(-1);
            }
        }
    }

    @Test
    void whatRoundingLeavesIsSaidAndALargeLossIsAWarning() throws IOException {
        Path whole = train("whole", 4, Map.of("bf16", true, "learning_rate", 1e-6));
        assertThat(messages).noneMatch(line -> line.contains("after rounding"));
        Path rounded = train("rounded", 4, Map.of("bf16", true, "learning_rate", 1e-6, "save_dtype", "bfloat16"));
        String warning = messages.stream()
                .filter(line -> line.startsWith("warning: final: "))
                .findFirst()
                .orElseThrow();
        assertThat(warning).endsWith("; save_dtype: float32 keeps all that was trained");
        long moved = 0;
        long kept = 0;
        double update = 0;
        double roundedUpdate = 0;
        long elements = 0;
        try (ModelFiles source = ModelFiles.open(SharedFiles.path("golden/tiny_llama/tied"));
                ModelFiles trained = ModelFiles.open(whole.resolve("final"));
                ModelFiles saved = ModelFiles.open(rounded.resolve("final"))) {
            for (Tensor before : source.weights()) {
                Tensor after = byName(trained).get(before.name());
                Tensor file = byName(saved).get(before.name());
                for (long i = 0; i < before.numElements(); i++) {
                    double start = at(before, i);
                    double difference = at(after, i) - start;
                    double left = at(file, i) - nearestBfloat16((float) start);
                    elements++;
                    moved += difference != 0 ? 1 : 0;
                    kept += difference != 0 && left != 0 ? 1 : 0;
                    update += difference * difference;
                    roundedUpdate += left * left;
                }
            }
        }
        assertThat(warning)
                .contains("%.1f%% of the weights moved".formatted(100.0 * moved / elements))
                .contains("of these %.1f%% still differ after rounding to bfloat16".formatted(100.0 * kept / moved))
                .contains("norm is %.1f%% of the update's".formatted(100 * Math.sqrt(roundedUpdate / update)));
        assertThat((double) kept / moved).isLessThan(0.5);
    }

    /** Large steps, of which float16 keeps nearly all. */
    @Test
    void aSmallLossIsNoWarning() {
        train("run", 8, Map.of("bf16", true, "learning_rate", 5e-3, "save_dtype", "float16"));
        assertThat(messages)
                .anyMatch(line -> line.startsWith("final: ") && line.contains("still differ after rounding to float16"))
                .noneMatch(line -> line.startsWith("warning: final"));
    }

    @Test
    void anAdaptersRoundingIsComparedWithItsBeginning() throws IOException {
        Path run = train("run", 4, Map.of("use_peft", true, "learning_rate", 1e-6, "save_dtype", "bfloat16"));
        try (SafetensorsReader file = SafetensorsReader.open(run.resolve("final/adapter_model.safetensors"))) {
            assertThat(file.tensors())
                    .extracting(SafetensorsReader.Entry::dtype)
                    .containsOnly("BF16");
        }
        // B begins at zero, so all of it is kept; A is random, and moves by less than its bfloat16 steps.
        assertThat(messages).anyMatch(line -> line.startsWith("warning: final: "));
    }

    @Test
    void roundingByChanceIsSeeded() throws IOException {
        Map<String, Object> keys = Map.of("bf16", true, "save_dtype", "bfloat16", "save_rounding", "stochastic");
        byte[] first = Files.readAllBytes(train("first", 2, keys).resolve("final/model.safetensors"));
        assertThat(messages)
                .anyMatch(line -> line.startsWith("final: ") && line.endsWith("it is the update in the mean"));
        assertThat(Files.readAllBytes(train("second", 2, keys).resolve("final/model.safetensors")))
                .isEqualTo(first);
    }

    @Test
    void trainingWithoutMastersIsSaid() {
        train("run", 1, Map.of("bf16", true, "dtype", "bfloat16"));
        assertThat(messages).anyMatch(line -> line.contains("without float32 master weights (dtype: bfloat16)"));
        train("other", 1, Map.of("bf16", true, "torch_dtype", "bfloat16"));
        assertThat(messages).anyMatch(line -> line.contains("without float32 master weights (dtype: bfloat16)"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "dtype | auto | dtype: float32 (master weights",
                "torch_dtype | float16 | save_dtype: float16 for files of that type",
                "dtype | int8 | must be float32 or bfloat16, got 'int8'",
                "save_dtype | fp16 | save_dtype must be float32, bfloat16 or float16, got 'fp16'",
                "save_rounding | up | save_rounding"
            })
    void anotherTypeIsRefusedWithTheMend(String key, String value, String words) {
        assertThatThrownBy(() -> train("run", 1, Map.of("bf16", true, key, value)))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.CONFIGURATION))
                .hasMessageContaining(words);
        assertThatThrownBy(() -> train("run", 1, Map.of("bf16", false, "dtype", "bfloat16")))
                .hasMessageContaining("write bf16: true, or dtype: float32");
        assertThatThrownBy(() -> train("run", 1, Map.of("bf16", true, "dtype", "bfloat16", "torch_dtype", "float32")))
                .hasMessageContaining("dtype is set twice");
    }

    private Path train(String name, int steps, Map<String, ?> keys) {
        messages.clear();
        Map<String, Object> all = new HashMap<>(Map.of("loss_type", "dpo", "max_steps", steps));
        all.putAll(keys);
        Path output = directory.resolve(name);
        Trainer.run(GoldenRun.config(rows, output, all), new StopAfter(Integer.MAX_VALUE, messages));
        return output;
    }

    private static Map<String, Tensor> byName(ModelFiles files) {
        Map<String, Tensor> byName = new HashMap<>();
        files.weights().forEach(weights -> byName.put(weights.name(), weights));
        return byName;
    }

    private static float at(Tensor weights, long index) {
        MemorySegment data = weights.data();
        return weights.dtype().equals("F32")
                ? data.getAtIndex(ValueLayout.JAVA_FLOAT_UNALIGNED, index)
                : Float.intBitsToFloat(data.getAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, index) << 16);
    }

    private static float nearestBfloat16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.intBitsToFloat((bits + 0x7FFF + ((bits >>> 16) & 1)) & 0xFFFF0000);
    }
}

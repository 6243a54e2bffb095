package io.mmpo.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.files.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.junit.jupiter.api.io.TempDir;

/** A config.json that a test writes and reads. */
abstract class WrittenConfig {
    static final String LLAMA = """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 320, "hidden_size": 64,
       "intermediate_size": 172, "num_hidden_layers": 3, "num_attention_heads": 4, "max_position_embeddings": 2048,
       "rms_norm_eps": 1e-5, "hidden_act": "silu"}""";

    @TempDir
    Path directory;

    ModelConfig read(String json) throws IOException {
        Files.writeString(directory.resolve("config.json"), json);
        return ModelConfig.read(directory);
    }

    ModelConfig read(String json, Consumer<ObjectNode> change) throws IOException {
        ObjectNode config = (ObjectNode) json(json);
        change.accept(config);
        return read(config.toString());
    }

    static ObjectNode as(ObjectNode config, String architecture, String modelType) {
        config.putArray("architectures").add(architecture);
        return config.put("model_type", modelType);
    }

    static JsonNode json(String text) {
        try {
            return JsonFile.MAPPER.readTree(text);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}

package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.files.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** A config.json with any value for any key is read or refused by name, and nothing else happens. */
class ModelConfigPropertyTest {
    private static final String CONFIG = """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 320, "hidden_size": 64,
       "intermediate_size": 172, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
       "head_dim": 16, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "hidden_act": "silu", "mlp_bias": false,
       "rope_theta": 10000.0, "rope_scaling": null, "rope_parameters": null, "tie_word_embeddings": true,
       "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": 2, "sliding_window": null,
       "layer_types": null, "torch_dtype": "float32", "pretraining_tp": 1}""";

    private static Path directory;

    @BeforeContainer
    static void makeDirectory() throws IOException {
        directory = Files.createTempDirectory("config");
    }

    @AfterContainer
    static void removeDirectory() throws IOException {
        Files.deleteIfExists(directory.resolve("config.json"));
        Files.delete(directory);
    }

    @Property(tries = 1000)
    void anyValueOfAnyKeyIsReadOrRefused(@ForAll("keys") String key, @ForAll("values") String value)
            throws IOException {
        ObjectNode config = (ObjectNode) JsonFile.MAPPER.readTree(CONFIG);
        config.set(key, JsonFile.MAPPER.readTree(value));
        Path file = directory.resolve("config.json");
        Files.writeString(file, config.toString());
        assertThatCode(() -> {
                    try {
                        ModelConfig.read(directory);
                    } catch (MmpoException e) {
                        assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA);
                        assertThat(e).hasMessageContaining(file.toString());
                    }
                })
                .doesNotThrowAnyException();
    }

    @Provide
    Arbitrary<String> keys() throws IOException {
        List<String> keys = new ArrayList<>();
        JsonFile.MAPPER.readTree(CONFIG).fieldNames().forEachRemaining(keys::add);
        return Arbitraries.of(keys);
    }

    @Provide
    Arbitrary<String> values() {
        Arbitrary<String> numbers = Arbitraries.of(
                "0",
                "-1",
                "1",
                "3",
                "0.5",
                "1e400",
                "-0.0",
                "9223372036854775807",
                "9223372036854775808",
                "1e-400",
                "2147483648");
        Arbitrary<String> others = Arbitraries.of(
                "null",
                "true",
                "\"\"",
                "\"x\"",
                "[]",
                "[1]",
                "[null]",
                "[[2]]",
                "{}",
                "{\"rope_type\": 3}",
                "{\"rope_type\": \"llama3\", \"factor\": -1, \"low_freq_factor\": 0, \"high_freq_factor\": 0,"
                        + " \"original_max_position_embeddings\": 0}",
                "{\"type\": \"default\", \"rope_type\": \"llama3\"}");
        return Arbitraries.oneOf(numbers, others);
    }
}

package io.mmpo.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.nativelib.ModelShape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What config.json and generation_config.json say about a model, in transformers 4's or 5's spelling.
 *
 * @param architecture transformers' class, "LlamaForCausalLM" say
 * @param dtype of the stored weights, in PyTorch's words ("bfloat16"), where the file says it
 * @param bosTokenId the token that begins a text, where the model has one
 * @param eosTokenIds the tokens that end one
 */
public record ModelConfig(
        String architecture,
        ModelShape shape,
        Optional<String> dtype,
        Optional<Integer> bosTokenId,
        List<Integer> eosTokenIds) {
    static final String FILE = "config.json";
    static final String GENERATION_FILE = "generation_config.json";

    /** Everything that the files say must be understood: an unknown key is an error that names it. */
    public static ModelConfig read(Path modelDirectory) {
        requireDirectory(modelDirectory);
        Path file = modelDirectory.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            throw MmpoException.data(
                    "%s holds no %s, so it is not a model directory of Hugging Face's layout. Give the directory that has %s,"
                            + " model.safetensors and tokenizer.json.",
                    modelDirectory, FILE, FILE);
        }
        JsonObject config = JsonObject.read(file);
        Architecture architecture = architecture(config);
        ConfigKeys.check(config, architecture);
        Optional<JsonObject> generation = Optional.of(modelDirectory.resolve(GENERATION_FILE))
                .filter(Files::isRegularFile)
                .map(JsonObject::read);
        return new ModelConfig(
                architecture.className(),
                shape(config, architecture),
                config.text("dtype").or(() -> config.text("torch_dtype")),
                tokenIds("bos_token_id", config, generation, architecture.defaultBos()).stream()
                        .findFirst(),
                tokenIds("eos_token_id", config, generation, architecture.defaultEos()));
    }

    ModelConfig withShape(ModelShape other) {
        return new ModelConfig(architecture, other, dtype, bosTokenId, eosTokenIds);
    }

    static void requireDirectory(Path modelDirectory) {
        if (!Files.isDirectory(modelDirectory)) {
            throw MmpoException.data(
                    "The model directory %s %s. Give a local directory in Hugging Face's layout; a model of the hub is fetched with:"
                            + " hf download NAME --local-dir DIR.",
                    modelDirectory, Files.exists(modelDirectory) ? "is not a directory" : "does not exist");
        }
    }

    private static Architecture architecture(JsonObject config) {
        Optional<String> modelType = config.text("model_type");
        Optional<String> className = config.value("architectures").map(value -> {
            if (value.isArray() && value.size() == 1 && value.get(0).isTextual()) {
                return value.get(0).asText();
            }
            throw config.wrongType("architectures", "a list of one class name", value);
        });
        Architecture architecture = className
                .map(name -> Architecture.ofClassName(name).orElseThrow(() -> unknown(config, "architectures", name)))
                .or(() -> modelType.map(
                        type -> Architecture.ofModelType(type).orElseThrow(() -> unknown(config, "model_type", type))))
                .orElseThrow(() -> config.missing("architectures"));
        if (modelType.isPresent() && !modelType.get().equals(architecture.modelType())) {
            throw MmpoException.data(
                    "%s: \"architectures\" is %s, but \"model_type\" is \"%s\" where \"%s\" belongs to it. Correct the one that is wrong.",
                    config.file(), architecture.className(), modelType.get(), architecture.modelType());
        }
        return architecture;
    }

    private static MmpoException unknown(JsonObject config, String key, String name) {
        return MmpoException.data(
                "%s: the model's \"%s\" is %s, which is not implemented. Choose a model that is one of %s.",
                config.file(), key, name, Architecture.classNames());
    }

    private static ModelShape shape(JsonObject config, Architecture architecture) {
        long hiddenSize = config.requiredInteger("hidden_size");
        long numHeads = config.requiredInteger("num_attention_heads");
        long numKvHeads = config.node().has("num_key_value_heads")
                ? config.integer("num_key_value_heads").orElse(numHeads)
                : architecture.defaultNumKvHeads(numHeads);
        boolean attentionBias = config.flag("attention_bias").orElse(false);
        RopeConfig rope = RopeConfig.read(config);
        try {
            return new ModelShape(
                    config.requiredInteger("vocab_size"),
                    hiddenSize,
                    config.requiredInteger("intermediate_size"),
                    config.requiredInteger("num_hidden_layers"),
                    numHeads,
                    numKvHeads,
                    config.integer("head_dim").orElseGet(() -> headDim(config, hiddenSize, numHeads)),
                    config.requiredInteger("max_position_embeddings"),
                    config.requiredNumber("rms_norm_eps"),
                    rope.theta(),
                    rope.scaling(),
                    config.flag("tie_word_embeddings").orElse(false),
                    architecture == Architecture.QWEN2 || attentionBias,
                    architecture == Architecture.LLAMA && attentionBias);
        } catch (IllegalArgumentException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s: %s. Fetch the file again, or correct it.",
                    config.file(),
                    e.getMessage());
        }
    }

    private static long headDim(JsonObject config, long hiddenSize, long numHeads) {
        if (numHeads < 1 || hiddenSize % numHeads != 0) {
            throw MmpoException.data(
                    "%s: without \"head_dim\", \"hidden_size\" (%d) must be a multiple of \"num_attention_heads\" (%d). Add the key or"
                            + " correct the sizes.",
                    config.file(), hiddenSize, numHeads);
        }
        return hiddenSize / numHeads;
    }

    /** generation_config.json has the last word, since generation is what these tokens are for. */
    private static List<Integer> tokenIds(
            String key, JsonObject config, Optional<JsonObject> generation, Optional<Integer> byDefault) {
        if (generation.isPresent() && generation.get().value(key).isPresent()) {
            return tokenIds(generation.get(), key, generation.get().node().get(key));
        }
        JsonNode value = config.node().get(key);
        if (value == null) {
            return byDefault.stream().toList();
        }
        return value.isNull() ? List.of() : tokenIds(config, key, value);
    }

    private static List<Integer> tokenIds(JsonObject object, String key, JsonNode value) {
        List<Integer> ids = new ArrayList<>();
        for (JsonNode id : value.isArray() ? value : List.of(value)) {
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.asInt() < 0) {
                throw object.wrongType(key, "a token id or a list of them", value);
            }
            ids.add(id.asInt());
        }
        return List.copyOf(ids);
    }
}

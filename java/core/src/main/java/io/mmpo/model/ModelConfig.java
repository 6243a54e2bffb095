package io.mmpo.model;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.files.OptionalFile;
import io.mmpo.spec.ModelShape;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What config.json and generation_config.json say about a model, in transformers 4's or 5's spelling.
 *
 * @param architecture transformers' class, "LlamaForCausalLM" say
 * @param dtype of the stored weights, in PyTorch's words ("bfloat16"), where the file says it
 * @param bosTokenId the token that begins a text, where the model has one
 * @param eosTokenIds the tokens that end one
 * @param rowLimit the longest row that is computed as the file says, where there is one
 * @param notes keys that have no effect, and which of two spellings is taken; a line each
 */
public record ModelConfig(
        String architecture,
        ModelShape shape,
        Optional<String> dtype,
        Optional<Integer> bosTokenId,
        List<Integer> eosTokenIds,
        Optional<RowLimit> rowLimit,
        List<String> notes) {
    static final String FILE = "config.json";
    static final String GENERATION_FILE = "generation_config.json";

    /**
     * A key that is absent has transformers' default for the architecture. One that would change what is computed and is not
     * implemented is an error that names it; one that transformers does not read is a note.
     */
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
        List<String> notes = new ArrayList<>();
        Architecture architecture = architecture(config, notes::add);
        ModelKeys.check(config, architecture, notes::add);
        Architecture.Defaults defaults = architecture.defaults();
        long maxPositions = config.integer("max_position_embeddings").orElse(defaults.maxPositions());
        RopeConfig rope = RopeConfig.read(config, architecture, maxPositions, notes::add);
        Optional<JsonObject> generation = Optional.of(modelDirectory.resolve(GENERATION_FILE))
                .filter(OptionalFile::isThere)
                .map(JsonObject::read);
        return new ModelConfig(
                architecture.className(),
                shape(config, architecture, maxPositions, rope),
                config.text("dtype").or(() -> config.text("torch_dtype")),
                tokenIds("bos_token_id", config, generation, defaults.bos()).stream()
                        .findFirst(),
                tokenIds("eos_token_id", config, generation, defaults.eos()),
                RowLimit.of(config, rope),
                List.copyOf(notes));
    }

    /** The same model with an output head of its own. */
    ModelConfig untied() {
        ModelShape untied = new ModelShape(
                shape.vocabSize(),
                shape.hiddenSize(),
                shape.intermediateSize(),
                shape.numLayers(),
                shape.numHeads(),
                shape.numKvHeads(),
                shape.headDim(),
                shape.maxPositions(),
                shape.rmsNormEps(),
                shape.ropeTheta(),
                shape.ropeScaling(),
                false,
                shape.qkvBias(),
                shape.outputBias(),
                shape.attention());
        return new ModelConfig(architecture, untied, dtype, bosTokenId, eosTokenIds, rowLimit, notes);
    }

    ModelConfig withShape(ModelShape other) {
        return new ModelConfig(architecture, other, dtype, bosTokenId, eosTokenIds, rowLimit, notes);
    }

    static void requireDirectory(Path modelDirectory) {
        if (!Files.isDirectory(modelDirectory)) {
            throw MmpoException.data(
                    "The model directory %s %s. Give a local directory in Hugging Face's layout; a model of the hub is fetched with:"
                            + " hf download NAME --local-dir DIR.",
                    modelDirectory, Files.exists(modelDirectory) ? "is not a directory" : "does not exist");
        }
    }

    /** model_type decides, as in transformers; of a class that is not known by name it is all that counts. */
    private static Architecture architecture(JsonObject config, Consumer<String> notes) {
        Optional<String> modelType = config.text("model_type");
        Optional<String> className = config.value("architectures").map(value -> {
            if (value.isArray() && value.size() == 1 && value.get(0).isTextual()) {
                return value.get(0).asText();
            }
            throw config.wrongType("architectures", "a list of one class name", value);
        });
        Optional<Architecture> named = className.flatMap(Architecture::ofClassName);
        if (modelType.isEmpty()) {
            return named.orElseThrow(() -> className
                    .map(name -> unknown(config, "architectures", name))
                    .orElseGet(() -> config.missing("model_type")));
        }
        Architecture architecture = Architecture.ofModelType(modelType.get())
                .orElseThrow(() -> unknown(config, "model_type", modelType.get()));
        if (named.isPresent() && named.get() != architecture) {
            throw MmpoException.data(
                    "%s: \"architectures\" is %s, but \"model_type\" is \"%s\" where \"%s\" belongs to it. Correct the one that is wrong.",
                    config.file(),
                    className.orElseThrow(),
                    modelType.get(),
                    named.get().modelType());
        }
        if (className.isPresent() && named.isEmpty()) {
            notes.accept("%s: \"architectures\" is %s; a model of type \"%s\" is loaded as %s, as transformers does"
                    .formatted(config.file(), className.get(), architecture.modelType(), architecture.className()));
        }
        return architecture;
    }

    private static MmpoException unknown(JsonObject config, String key, String name) {
        String missing = MissingParts.of(config, config.text("model_type").orElse(name))
                .map(": what is missing is "::concat)
                .orElse("");
        return MmpoException.data(
                "%s: the model's \"%s\" is %s, which is not implemented%s. Choose a model that is one of %s.",
                config.file(), key, name, missing, Architecture.classNames());
    }

    private static ModelShape shape(JsonObject config, Architecture architecture, long maxPositions, RopeConfig rope) {
        Architecture.Defaults defaults = architecture.defaults();
        long hiddenSize = config.integer("hidden_size").orElse(defaults.hiddenSize());
        long numLayers = config.integer("num_hidden_layers").orElse(defaults.numLayers());
        long numHeads = config.integer("num_attention_heads").orElse(defaults.numHeads());
        long numKvHeads = config.node().has("num_key_value_heads")
                ? config.integer("num_key_value_heads").orElse(numHeads)
                : defaults.numKvHeads().orElse(numHeads);
        boolean attentionBias = architecture.readsAttentionBias()
                && config.flag("attention_bias").orElse(false);
        try {
            return new ModelShape(
                    config.integer("vocab_size").orElse(defaults.vocabSize()),
                    hiddenSize,
                    config.integer("intermediate_size").orElse(defaults.intermediateSize()),
                    numLayers,
                    numHeads,
                    numKvHeads,
                    config.integer("head_dim")
                            .or(architecture::headDim)
                            .orElseGet(() -> headDim(config, hiddenSize, numHeads)),
                    maxPositions,
                    config.number("rms_norm_eps").orElse(Architecture.RMS_NORM_EPS),
                    rope.theta(),
                    rope.scaling(),
                    config.flag("tie_word_embeddings").orElse(architecture.tiesEmbeddings()),
                    attentionBias || architecture.alwaysHasQkvBias(),
                    attentionBias,
                    AttentionKeys.read(config, architecture, numLayers));
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

package io.mmpo.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.files.AtomicDirectory;
import io.mmpo.files.IoProblem;
import io.mmpo.files.JsonFile;
import io.mmpo.files.NewFile;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.WeightType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** Leaves a model as transformers' save_pretrained does, or an adapter as PEFT's, so that Python loads it, with the tokenizer. */
public final class PretrainedWriter {
    /** transformers takes the template of this file before the one of tokenizer_config.json. */
    private static final String CHAT_TEMPLATE = "chat_template.jinja";

    /** Templates by name, {@code tool_use} for one. */
    private static final String ADDITIONAL_TEMPLATES = "additional_chat_templates";

    /** Whatever of these the source has goes along unchanged. */
    private static final List<String> TOKENIZER = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json",
            "merges.txt",
            "tokenizer.model",
            CHAT_TEMPLATE,
            "chat_template.json",
            ADDITIONAL_TEMPLATES);

    private PretrainedWriter() {}

    /**
     * Into an existing directory that holds none of these files; {@link AtomicDirectory} makes one that appears only when it
     * is complete. config.json is the source's, with the dtype of these weights.
     */
    public static void write(Path directory, Path sourceModelDirectory, List<Tensor> weights) {
        write(directory, sourceModelDirectory, Optional.empty(), weights, TensorForm.UNCHANGED);
    }

    /**
     * The same with another chat template, and weights in another form.
     *
     * @param chatTemplate a Jinja file that takes the place of the source's chat template
     */
    static void write(
            Path directory,
            Path sourceModelDirectory,
            Optional<Path> chatTemplate,
            List<Tensor> weights,
            TensorForm form) {
        write(directory, sourceModelDirectory, weights, form, SafetensorsWriter.MAX_SHARD_BYTES);
        replaceChatTemplate(directory, chatTemplate);
    }

    /** The one template that was trained with takes the place of all of the source's, or rows with tools would get another. */
    private static void replaceChatTemplate(Path directory, Optional<Path> template) {
        Path target = directory.resolve(CHAT_TEMPLATE);
        template.ifPresent(file -> {
            try {
                Files.deleteIfExists(target);
                removeAll(directory.resolve(ADDITIONAL_TEMPLATES));
            } catch (IOException e) {
                throw notCopied(file, target, e);
            }
            NewFile.copy(file, target);
        });
    }

    private static void removeAll(Path directory) throws IOException {
        if (Files.isDirectory(directory)) {
            try (Stream<Path> children = Files.list(directory)) {
                for (Path child : children.toList()) {
                    removeAll(child);
                }
            }
        }
        Files.deleteIfExists(directory);
    }

    static void write(
            Path directory, Path sourceModelDirectory, List<Tensor> weights, TensorForm form, long maxShardBytes) {
        SafetensorsWriter.writeModel(directory, weights, form, maxShardBytes);
        boolean hasHead = weights.stream().anyMatch(tensor -> tensor.name().equals(ParameterNames.HEAD));
        writeConfig(directory, sourceModelDirectory, form.dtype(weights.getFirst()), config -> {
            if (hasHead) { // of its own, whatever the source says of its tied ones
                config.put("tie_word_embeddings", false);
            }
        });
        copy(sourceModelDirectory.resolve(ModelConfig.GENERATION_FILE), directory.resolve(ModelConfig.GENERATION_FILE));
        copyTokenizer(directory, sourceModelDirectory);
    }

    /** config.json is the source's, with the type of the weights, by safetensors' name. */
    static void writeConfig(Path directory, Path source, String dtype) {
        writeConfig(directory, source, dtype, config -> {});
    }

    /** The same with what else has changed. */
    static void writeConfig(Path directory, Path source, String dtype, Consumer<ObjectNode> change) {
        ObjectNode config = JsonFile.read(source.resolve(ModelConfig.FILE));
        change.accept(config);
        String type = WeightType.ofDtype(dtype).orElseThrow().key();
        // As the source spells it, twice where it does; both versions of transformers read torch_dtype.
        if (config.has("dtype")) {
            config.put("dtype", type);
        }
        if (config.has("torch_dtype") || !config.has("dtype")) {
            config.put("torch_dtype", type);
        }
        NewFile.write(directory.resolve(ModelConfig.FILE), config);
    }

    /** The same of an adapter: adapter_model.safetensors, adapter_config.json, and the tokenizer of a directory that has one. */
    public static void writeAdapter(
            Path directory,
            AdapterConfig config,
            Path tokenizerDirectory,
            Optional<Path> chatTemplate,
            List<Tensor> weights,
            TensorForm form) {
        SafetensorsWriter.writeFile(
                directory.resolve(AdapterFiles.WEIGHTS_FILE), weights, form, SafetensorsWriter.PYTORCH);
        NewFile.write(directory.resolve(AdapterConfig.FILE), config.toJson());
        copyTokenizer(directory, tokenizerDirectory);
        replaceChatTemplate(directory, chatTemplate);
    }

    static void copyTokenizer(Path directory, Path source) {
        for (String name : TOKENIZER) {
            copy(source.resolve(name), directory.resolve(name));
        }
    }

    /** A file or a directory, where there is one. */
    static void copy(Path source, Path target) {
        if (Files.isRegularFile(source)) {
            NewFile.copy(source, target);
        } else if (Files.isDirectory(source)) {
            try (Stream<Path> children = Files.list(source)) {
                Files.createDirectory(target);
                for (Path child : children.toList()) {
                    copy(child, target.resolve(child.getFileName()));
                }
            } catch (IOException e) {
                throw notCopied(source, target, e);
            }
        }
    }

    private static MmpoException notCopied(Path source, Path target, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT, e, "%s cannot be copied to %s: %s.", source, target, IoProblem.of(e));
    }
}

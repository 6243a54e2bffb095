package io.mmpo.model;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * What the name of a model stands for: a model's directory, and with an adapter's directory the model below it.
 *
 * @param baseName what an adapter's base_model_name_or_path says of base: its absolute path, or a hub's name for it
 */
public record ModelSource(Path base, String baseName, Optional<Path> adapter) {
    /**
     * An adapter's model is looked for where its base_model_name_or_path says: beside the adapter first.
     *
     * @param locate the directory of a name: the name itself where it is a path, else what a hub keeps under it
     */
    public static ModelSource of(Path name, UnaryOperator<Path> locate) {
        Path directory = locate.apply(name);
        return AdapterConfig.isIn(directory)
                ? below(directory, locate)
                : new ModelSource(directory, nameOf(name), Optional.empty());
    }

    /** A model with an adapter that is given apart: whatever model the adapter names. */
    public static ModelSource of(Path model, Path adapter, UnaryOperator<Path> locate) {
        ModelSource source = of(model, locate);
        if (source.adapter().isPresent()) {
            throw MmpoException.configuration(
                    "The model %s is an adapter itself, and %s would be a second one; give the directory of the model below it",
                    model, adapter);
        }
        return new ModelSource(source.base(), source.baseName(), Optional.of(locate.apply(adapter)));
    }

    private static ModelSource below(Path adapter, UnaryOperator<Path> locate) {
        Path file = adapter.resolve(AdapterConfig.FILE);
        String name = AdapterConfig.read(adapter)
                .baseModel()
                .orElseThrow(() -> MmpoException.data(
                        "%s does not say which model the adapter belongs to. Set its key \"base_model_name_or_path\" to the model's"
                                + " directory, or give the model and, with --adapter, the adapter.",
                        file));
        try {
            Path beside = adapter.resolve(name).normalize();
            Path path = Files.isDirectory(beside) ? beside : Path.of(name);
            Path base = locate.apply(path);
            if (Files.isDirectory(base)) {
                return new ModelSource(base, nameOf(path), Optional.of(adapter));
            }
        } catch (InvalidPathException e) {
            // said below: no directory has such a name
        }
        throw MmpoException.data(
                "%s names \"%s\" as the adapter's model (base_model_name_or_path), and there is no such directory, neither from %s nor"
                        + " from here. Set the key to the model's directory, or to its name on a hub.",
                file, name, adapter);
    }

    private static String nameOf(Path name) {
        return Files.exists(name) ? name.toAbsolutePath().normalize().toString() : name.toString();
    }

    /** Whose files decide what is computed. */
    public List<Path> directories() {
        return adapter.map(directory -> List.of(base, directory)).orElseGet(() -> List.of(base));
    }

    /** Configuration and weights of the model and of its adapter, by name within their directories. */
    public List<Path> files() {
        return directories().stream()
                .flatMap(directory -> filesOf(directory).stream())
                .toList();
    }

    /** Those of one directory. */
    public static List<Path> filesOf(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.getFileName()
                            .toString()
                            .matches("config\\.json|adapter_config\\.json|.*\\.safetensors(\\.index\\.json)?"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public ModelConfig config() {
        return ModelConfig.read(base);
    }

    /** The adapter's directory where it has a tokenizer, else the model's. */
    public Path tokenizerDirectory() {
        return adapter.filter(directory -> Files.isRegularFile(directory.resolve("tokenizer.json")))
                .orElse(base);
    }
}

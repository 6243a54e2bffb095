package io.mmpo.hub;

import io.mmpo.MmpoException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/** Turns the name of a model (or of an adapter) into a directory: a path as it is, owner/name[@revision] through the hub's cache. */
public final class ModelDirectory {
    private static final Set<String> FILES = Set.of(
            "config.json",
            "generation_config.json",
            "adapter_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json",
            "merges.txt",
            "tokenizer.model",
            "chat_template.jinja",
            "chat_template.json");

    private ModelDirectory() {}

    /** revision: wanted of a model on a hub; empty: what the name says, else main. */
    public static Path resolve(Path name, Optional<String> revision, Consumer<String> messages) {
        Optional<HubRepository> repository =
                Files.exists(name) ? Optional.empty() : HubRepository.parse(HubRepository.Type.MODEL, name.toString());
        return repository
                .map(found -> fetch(revision.map(found::at).orElse(found), Hub.user(messages)))
                .orElse(name);
    }

    static Path fetch(HubRepository repository, Hub hub) {
        Hub.Snapshot snapshot = hub.find(repository);
        List<String> files =
                snapshot.files().stream().filter(ModelDirectory::isNeeded).toList();
        if (files.stream().noneMatch(name -> name.endsWith(".safetensors"))) {
            throw MmpoException.data(
                    "The model %s has no weights in safetensors files; its files are %s. Choose another revision, or convert it with transformers.",
                    repository,
                    String.join(", ", snapshot.files().stream().limit(20).toList()));
        }
        return hub.fetch(snapshot, files);
    }

    /** Of the top directory; Mistral's consolidated.safetensors hold the same weights once more. */
    private static boolean isNeeded(String name) {
        boolean weights = (name.endsWith(".safetensors") || name.endsWith(".safetensors.index.json"))
                && !name.startsWith("consolidated");
        return !name.contains("/") ? weights || FILES.contains(name) : name.startsWith("additional_chat_templates/");
    }
}

package io.mmpo.infer;

import io.mmpo.hub.ModelDirectory;
import io.mmpo.model.ModelSource;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** Models and adapters by path or by the name that a hub has for them. */
public final class ModelSources {
    private ModelSources() {}

    /** name: of a model, or of an adapter, whose model is found too. revision: of name on a hub. */
    public static ModelSource of(Path name, Optional<String> revision, Consumer<String> messages) {
        return ModelSource.of(
                name, path -> ModelDirectory.resolve(path, path.equals(name) ? revision : Optional.empty(), messages));
    }

    /** A model with an adapter that is given apart, where there is one: whatever model the adapter names. */
    public static ModelSource withAdapter(Path model, Optional<Path> adapter, Consumer<String> messages) {
        UnaryOperator<Path> locate = path -> ModelDirectory.resolve(path, Optional.empty(), messages);
        return adapter.map(directory -> ModelSource.of(model, directory, locate))
                .orElseGet(() -> ModelSource.of(model, locate));
    }
}

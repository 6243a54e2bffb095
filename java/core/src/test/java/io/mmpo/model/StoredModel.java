package io.mmpo.model;

import io.mmpo.spec.WeightFormat;
import io.mmpo.spec.WeightType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** A model whose files are of another type. */
public final class StoredModel {
    private StoredModel() {}

    /** All weights rounded to the nearest of the type. Returns the new directory. */
    public static Path copy(Path model, Path directory, WeightType type) throws IOException {
        Files.createDirectory(directory);
        try (ModelFiles files = ModelFiles.open(model)) {
            Narrowing form = new Narrowing(WeightFormat.nearest(type), List.of());
            PretrainedWriter.write(directory, model, Optional.empty(), files.weights(), form);
        }
        return directory;
    }
}

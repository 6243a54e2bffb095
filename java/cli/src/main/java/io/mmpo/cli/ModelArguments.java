package io.mmpo.cli;

import io.mmpo.infer.OpenModel;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say which model a command uses and how. */
final class ModelArguments extends ComputeArguments {
    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description =
                    "Model directory in Hugging Face's layout, or an adapter's that names its model; or owner/name[@revision] of a hub.")
    private Path name;

    @Option(
            names = "--adapter",
            paramLabel = "DIR",
            description = "LoRA adapter as PEFT or mmpo train saves it, to compute with on top of the model.")
    private @Nullable Path adapter;

    OpenModel open() {
        return open(name, Optional.ofNullable(adapter));
    }

    /** Another model, computed alike. */
    OpenModel another(Path otherName) {
        return open(otherName, Optional.empty());
    }
}

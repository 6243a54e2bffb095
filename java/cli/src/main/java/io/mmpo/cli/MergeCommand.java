package io.mmpo.cli;

import io.mmpo.model.AdapterMerge;
import io.mmpo.model.ModelSource;
import io.mmpo.train.ModelSources;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "merge",
        description = "Writes a model with a LoRA adapter merged into its weights, in the model's own type and shards,"
                + " and compares it with model and adapter before it is left there.",
        mixinStandardHelpOptions = true)
final class MergeCommand implements Callable<Integer> {
    @Option(
            names = "--model",
            required = true,
            paramLabel = "DIR",
            description = "The model that the adapter belongs to.")
    private Path model;

    @Option(
            names = "--adapter",
            required = true,
            paramLabel = "DIR",
            description = "LoRA adapter as PEFT or mmpo train saves it.")
    private Path adapter;

    @Option(
            names = "--output",
            required = true,
            paramLabel = "DIR",
            description = "A directory that does not exist yet.")
    private Path output;

    @Option(
            names = "--tolerance",
            paramLabel = "NATS",
            description =
                    "Largest difference of a token's log-probability that is accepted; by default 1e-4 for a model stored in"
                            + " float32, 0.05 in float16, 0.5 in bfloat16, whose rounding it is.")
    private @Nullable Double tolerance;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        Arguments.require(
                spec, tolerance == null || tolerance >= 0, "--tolerance must be at least 0, got " + tolerance);
        ModelSource source = ModelSources.withAdapter(
                model, Optional.of(adapter), spec.commandLine().getErr()::println);
        AdapterMerge.Result result = AdapterMerge.run(source, output, tolerance == null ? Double.NaN : tolerance);
        spec.commandLine()
                .getOut()
                .printf(
                        Locale.ROOT,
                        "%d weights merged into %s; on the probe no token's log-probability differs by more than %.2g nats"
                                + " (%.2g are accepted)%n",
                        result.mergedWeights(),
                        result.directory(),
                        result.maxDifference(),
                        result.tolerance());
        return ExitCode.DONE;
    }
}

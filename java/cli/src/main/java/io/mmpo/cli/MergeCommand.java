package io.mmpo.cli;

import io.mmpo.PrintableText;
import io.mmpo.files.OwnerLock;
import io.mmpo.infer.ModelSources;
import io.mmpo.model.AdapterMerge;
import io.mmpo.model.ModelSource;
import io.mmpo.spec.WeightType;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "merge",
        description =
                "Writes a model with a LoRA adapter merged into its weights, in the model's own shards and type or in another,"
                        + " says what rounding to that type leaves of the adapter's update, and compares what was written with model and"
                        + " adapter before it is left there.",
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
            names = "--dtype",
            paramLabel = "float32|bfloat16|float16",
            description = "Type of the merged weights; by default the model's own. float32 keeps all of the adapter.")
    private @Nullable WeightType dtype;

    @Option(
            names = "--rounding",
            paramLabel = "nearest|stochastic",
            defaultValue = "nearest",
            description =
                    "How weights are rounded to that type: to the nearest number, or up or down by chance with the sum as the mean,"
                            + " which keeps the adapter's update where the nearest loses it.")
    private Rounding rounding;

    @Option(names = "--seed", defaultValue = "42", description = "Of --rounding stochastic (${DEFAULT-VALUE}).")
    private long seed;

    @Option(
            names = "--tolerance",
            paramLabel = "NATS",
            description =
                    "Largest difference of a token's log-probability that is accepted; by default 1e-4 for merged weights in"
                            + " float32, 0.05 in float16, 0.5 in bfloat16, whose rounding it is.")
    private @Nullable Double tolerance;

    /** Of numbers between two of the type. */
    enum Rounding {
        NEAREST,
        STOCHASTIC
    }

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        Arguments.require(
                spec, tolerance == null || tolerance >= 0, "--tolerance must be at least 0, got " + tolerance);
        ModelSource source = ModelSources.withAdapter(
                model, Optional.of(adapter), spec.commandLine().getErr()::println);
        AdapterMerge.Result result;
        try (OwnerLock lock = OwnerLock.beside(
                output, "--output " + output, spec.commandLine().getErr()::println)) {
            result = AdapterMerge.run(
                    source,
                    output,
                    new AdapterMerge.Options(
                            Optional.ofNullable(dtype),
                            rounding == Rounding.STOCHASTIC,
                            seed,
                            tolerance == null ? OptionalDouble.empty() : OptionalDouble.of(tolerance)));
        }
        if (result.type() != WeightType.FLOAT32) {
            describe(result);
        }
        spec.commandLine()
                .getOut()
                .printf(
                        Locale.ROOT,
                        "%d weights merged into %s; on the probe no token's log-probability differs by more than %.2g nats"
                                + " (%.2g are accepted)%n",
                        result.mergedWeights(),
                        PrintableText.line(result.directory().toString()),
                        result.maxDifference(),
                        result.tolerance());
        return ExitCode.DONE;
    }

    /** What the narrower type lost, where the user looks for warnings. */
    private void describe(AdapterMerge.Result result) {
        String left = "adapter's update: " + result.loss().describe(result.type());
        boolean warns = rounding == Rounding.NEAREST && result.loss().isLarge();
        spec.commandLine().getErr().println(warns ? "warning: " + left + "; --dtype float32 keeps all of it" : left);
    }
}

package io.mmpo.cli;

import io.mmpo.infer.ModelSources;
import io.mmpo.infer.OpenModel;
import io.mmpo.model.ModelSource;
import io.mmpo.nativelib.ChosenDevice;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.DeviceChoice;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The options that say how a command computes with a model, whichever it is. */
class ComputeArguments {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--device",
            paramLabel = "cpu|cuda|auto",
            defaultValue = "auto",
            description = "Where to compute: cpu, cuda (one GPU), or auto: a GPU where one can be used (the default).")
    private DeviceChoice device;

    @Option(names = "--bf16", description = "Compute in bfloat16 instead of float32.")
    private boolean bf16;

    @Option(
            names = "--base-precision",
            paramLabel = "none|fp8",
            defaultValue = "none",
            description =
                    "fp8, with --bf16: the layers' matrices in eight bits, as base_precision: fp8 trains over them.")
    private BasePrecision basePrecision;

    /** As base_precision in a configuration. */
    private enum BasePrecision {
        NONE,
        FP8
    }

    @Option(
            names = "--chat-template",
            paramLabel = "FILE",
            description = "Chat template to use in place of the model's own.")
    private @Nullable Path chatTemplate;

    /** Where and in which type the model computes. */
    String computation() {
        return computeType().words() + " on " + ChosenDevice.of(device).device();
    }

    private ComputeType computeType() {
        boolean overFp8 = basePrecision == BasePrecision.FP8;
        Arguments.require(spec, bf16 || !overFp8, "--base-precision fp8 has the rest computed in bfloat16: add --bf16");
        return ComputeType.of(bf16, overFp8);
    }

    /** With an adapter on top, where there is one. */
    OpenModel open(Path name, Optional<Path> adapter) {
        return open(ModelSources.withAdapter(name, adapter, spec.commandLine().getErr()::println));
    }

    private OpenModel open(ModelSource source) {
        ComputeType type = computeType();
        ChosenDevice chosen = ChosenDevice.of(device);
        OpenModel open = OpenModel.open(source, Optional.ofNullable(chatTemplate), type, chosen.device());
        open.notes().forEach(spec.commandLine().getErr()::println);
        String precision = bf16 ? chosen.bfloat16(type.words()) : chosen.float32("--bf16");
        spec.commandLine()
                .getErr()
                .println(chosen.reason() + "; precision: " + precision + "; attention: " + open.attention());
        return open;
    }
}

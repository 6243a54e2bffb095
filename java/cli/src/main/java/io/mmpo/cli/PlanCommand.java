package io.mmpo.cli;

import static io.mmpo.spec.ByteUnits.GIB;

import io.mmpo.config.ConfigLoader;
import io.mmpo.config.LoraOptions;
import io.mmpo.config.TrainingConfig;
import io.mmpo.model.AdapterConfig;
import io.mmpo.model.ModelConfig;
import io.mmpo.model.ModelSource;
import io.mmpo.plan.Cluster;
import io.mmpo.plan.FilePlan;
import io.mmpo.plan.MemoryPlan;
import io.mmpo.plan.PlannedModel;
import io.mmpo.plan.ScalingPlan;
import io.mmpo.plan.TrainingPlan;
import io.mmpo.plan.TrainingPlan.Choices;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.Recompute;
import io.mmpo.spec.WeightType;
import io.mmpo.train.ProgressListener;
import io.mmpo.train.ShortRun;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "plan",
        description = {
            "Says what a configuration's training takes in memory and time, from the sizes in the model's config.json alone: no weights"
                    + " and no data are read, unless with --measure.",
            "It is arithmetic about what this program allocates, multiplies and sends. Training itself runs on CPUs today; of several devices"
                    + " a table says what their links and zero_stage make of it (docs/distributed.md has the assumptions)."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:it fits, or no --gpu-memory was given", "4:it does not fit"},
        mixinStandardHelpOptions = true)
final class PlanCommand implements Callable<Integer> {
    private static final Pattern SIZE = Pattern.compile("(\\d+(?:\\.\\d+)?)\\s*(GiB|GB|MiB|MB)");

    @Parameters(index = "0", paramLabel = "CONFIG.yaml", description = "The configuration of the run.")
    private Path configFile;

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "key=value", description = "Keys that win over the file.")
    private List<String> overrides = List.of();

    @Option(names = "--nodes", defaultValue = "1", description = "Machines (${DEFAULT-VALUE}).")
    private int nodes;

    @Option(
            names = {"--gpus-per-node", "--gpus"},
            paramLabel = "N",
            defaultValue = "1",
            description = "Devices of a machine, a rank each (${DEFAULT-VALUE}).")
    private int gpusPerNode;

    @Option(
            names = "--link",
            paramLabel = "GBps",
            defaultValue = "50",
            description = "Link of one device to other machines, in 10^9 bytes a second each way (${DEFAULT-VALUE}).")
    private double link;

    @Option(
            names = "--node-link",
            paramLabel = "GBps",
            defaultValue = "450",
            description = "Link of one device to the others of its machine, likewise (${DEFAULT-VALUE}).")
    private double nodeLink;

    @Option(
            names = "--memory-bandwidth",
            paramLabel = "GBps",
            defaultValue = "3350",
            description = "Bandwidth of one device's memory; that of an H100 SXM is ${DEFAULT-VALUE}.")
    private double memoryBandwidth;

    @Option(names = "--gpu-memory", paramLabel = "SIZE", description = "Memory of one device, 80GiB for example.")
    private @Nullable String gpuMemory;

    @Option(
            names = "--tflops",
            defaultValue = "989",
            description =
                    "Peak of one device in 10^12 operations a second; that of an H100 SXM in dense bfloat16 is ${DEFAULT-VALUE}.")
    private double tflops;

    @Option(
            names = "--mfu",
            defaultValue = "0.4",
            description = "Share of the peak that is assumed to be reached (${DEFAULT-VALUE}).")
    private double mfu;

    @Option(
            names = "--measure",
            description =
                    "Also makes the first steps of the run on this machine, without leaving a file, and says what all of them would take.")
    private boolean measures;

    @Option(
            names = "--measure-steps",
            paramLabel = "N",
            defaultValue = "10",
            description = "Steps that are made for that (${DEFAULT-VALUE}); the first is not timed.")
    private int measuredSteps;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        Arguments.requireAtLeast(spec, "--nodes", nodes, 1);
        Arguments.requireAtLeast(spec, "--gpus-per-node", gpusPerNode, 1);
        Arguments.require(spec, link > 0, "--link must be above 0, got " + link);
        Arguments.require(spec, nodeLink > 0, "--node-link must be above 0, got " + nodeLink);
        Arguments.require(spec, memoryBandwidth > 0, "--memory-bandwidth must be above 0, got " + memoryBandwidth);
        Arguments.require(spec, tflops > 0, "--tflops must be above 0, got " + tflops);
        Arguments.require(spec, mfu > 0 && mfu <= 1, "--mfu must be in (0, 1], got " + mfu);
        Arguments.requireAtLeast(spec, "--measure-steps", measuredSteps, ShortRun.FEWEST_STEPS);
        double memory = gpuMemory == null ? Double.POSITIVE_INFINITY : parseSize(gpuMemory);
        TrainingConfig config = ConfigLoader.load(configFile, overrides).config();
        ModelSource source = ModelSource.of(config.model().model(), UnaryOperator.identity());
        ModelConfig model = source.config();
        Choices choices = source.adapter()
                .map(adapter ->
                        Choices.of(config, model.shape()).withLora(AdapterConfig.settings(adapter, model.shape(), 0)))
                .orElseGet(() -> Choices.of(config, model.shape()));
        boolean storedInBfloat16 =
                model.dtype().filter(WeightType.BFLOAT16.key()::equals).isPresent();
        PlannedModel planned = new PlannedModel(model.shape(), storedInBfloat16);
        ScalingPlan plan = ScalingPlan.of(config, planned, choices, cluster());
        PrintWriter out = spec.commandLine().getOut();
        describe(out, config, model, plan.alone());
        describeMemory(out, config, plan);
        describeFiles(out, plan.alone().files());
        describeTime(out, config, plan);
        if (devices() > 1) {
            ScalingTable.print(out, config, planned, choices, cluster());
        }
        if (measures) {
            describeMeasured(out, ShortRun.of(config, measuredSteps, messages()));
        }
        if (gpuMemory == null) {
            return ExitCode.DONE;
        }
        double spare = memory - plan.memory().total();
        if (spare >= 0) {
            out.printf(
                    Locale.ROOT,
                    "fits in %s: %.1f GiB are left%s%n",
                    gpuMemory,
                    spare / GIB,
                    plan.memory().runtime() > 0 ? "" : " for CUDA's runtime and for fragments");
            return ExitCode.DONE;
        }
        out.printf(Locale.ROOT, "does not fit in %s: %.1f GiB too much%n", gpuMemory, -spare / GIB);
        describeChanges(out, config, choices, planned, memory);
        return ExitCode.ENVIRONMENT;
    }

    private int devices() {
        return nodes * gpusPerNode;
    }

    private Cluster cluster() {
        return new Cluster(nodes, gpusPerNode, link * 1e9, nodeLink * 1e9, memoryBandwidth * 1e9, tflops * 1e12 * mfu);
    }

    private void describe(PrintWriter out, TrainingConfig config, ModelConfig model, TrainingPlan plan) {
        out.printf(
                Locale.ROOT,
                "model        %s, %,d parameters, %,d of them trained (%.2f%%)%n",
                model.architecture(),
                plan.parameters(),
                plan.trained(),
                100.0 * plan.trained() / plan.parameters());
        out.printf(
                Locale.ROOT,
                "micro-batch  %d rows of up to %,d tokens each (max_length and its kin), at most %,d tokens at a time%n",
                config.batches().trainBatchSize(),
                plan.pairTokens(),
                plan.sliceTokens());
        out.printf(
                Locale.ROOT,
                "step         %,d rows: %d micro-batches on %d device%s%n%n",
                (long) plan.pairsPerStep() * devices(),
                config.batches().gradientAccumulationSteps(),
                devices(),
                devices() == 1 ? "" : "s");
    }

    private void describeMemory(PrintWriter out, TrainingConfig config, ScalingPlan plan) {
        MemoryPlan memory = plan.memory();
        out.println("memory of each " + deviceName(config) + ", GiB"
                + (devices() == 1 ? "" : " (zero_stage " + config.ranks().zeroStage() + ")"));
        part(out, "weights, " + plan.alone().type().weightWords(), memory.weights());
        part(out, "master weights, float32", memory.masterWeights());
        part(out, "gradients, float32", memory.gradients());
        part(out, "optimizer state", memory.optimizer());
        part(out, "activations kept for backward", memory.slice().activations());
        part(out, "values that layers share", memory.slice().shared());
        part(out, "a layer's gradients, or logits", memory.slice().passing());
        part(out, "attention's own, in backward", memory.slice().attention());
        part(out, "indices, numbers of rows, tables", memory.slice().indices() + memory.tables());
        if (memory.exchange() > 0) {
            part(out, "gradients and weights on their way", memory.exchange());
        }
        part(out, "reference (scored before training)", 0);
        if (memory.runtime() > 0) {
            part(out, "runtime: the JVM and LibTorch", memory.runtime());
        }
        part(out, "all", memory.total());
        out.println();
    }

    private static String deviceName(TrainingConfig config) {
        return switch (config.model().device()) {
            case CPU -> "process on a CPU";
            case CUDA -> "GPU";
            case AUTO -> "GPU (device=cpu counts a process on a CPU)";
        };
    }

    private static void describeFiles(PrintWriter out, FilePlan files) {
        out.println("files on disk, GiB");
        part(out, "final/", files.finalModel());
        part(out, "a checkpoint", files.checkpoint());
        if (files.checkpoints().isPresent()) {
            part(out, "at most, checkpoints: " + files.checkpoints().getAsInt(), files.total());
        } else {
            out.println("  one checkpoint for every save_steps or epoch: save_total_limit keeps the newest alone");
        }
        out.println();
    }

    private static void part(PrintWriter out, String name, long bytes) {
        out.printf(Locale.ROOT, "  %-36s %8.2f%n", name, bytes / GIB);
    }

    private void describeTime(PrintWriter out, TrainingConfig config, ScalingPlan scaled) {
        TrainingPlan plan = scaled.alone();
        double stepSeconds = scaled.stepSeconds();
        out.printf(
                Locale.ROOT,
                "arithmetic   %.1f TFLOP a row at most in training, %.1f for the reference, once%s%n",
                plan.trainingFlopsPerPair() / 1e12,
                plan.referenceFlopsPerPair() / 1e12,
                config.loss().ignoresRejected() ? " and only where a step is logged" : "");
        out.printf(
                Locale.ROOT,
                "time         %.2f s a step at most, if %.0f%% of %.0f TFLOP/s are reached",
                stepSeconds,
                100 * mfu,
                tflops);
        plan.maxSteps()
                .ifPresent(steps -> out.printf(Locale.ROOT, ", %s for %,d steps", words(steps * stepSeconds), steps));
        out.printf("; shorter rows take less%n%n");
    }

    private ProgressListener messages() {
        PrintWriter err = spec.commandLine().getErr();
        return new ProgressListener() {
            @Override
            public void message(String line) {
                err.println(line);
            }
        };
    }

    private static void describeMeasured(PrintWriter out, ShortRun run) {
        out.printf(
                Locale.ROOT,
                "measured     %.3g s a step on this machine (mean of %d, the first left out; standard error %.2g)",
                run.stepSeconds(),
                run.measuredSteps(),
                run.standardError());
        run.peakMemoryBytes().ifPresent(bytes -> out.printf(Locale.ROOT, ", %.2f GiB at most", bytes / GIB));
        out.printf(
                Locale.ROOT,
                "%nthe run       %s for %,d steps, %s of it for the reference; evaluations and checkpoints are not in it%n%n",
                words(run.totalSeconds()),
                run.totalSteps(),
                words(run.referenceSeconds()));
    }

    private static String words(double seconds) {
        Duration duration = Duration.ofSeconds(Math.round(seconds));
        return duration.toHours() > 0
                ? duration.toHours() + " h " + duration.toMinutesPart() + " min"
                : duration.toMinutes() + " min " + duration.toSecondsPart() + " s";
    }

    /** One change after another, those that cost nothing in quality first, until it fits. */
    private void describeChanges(
            PrintWriter out, TrainingConfig config, Choices before, PlannedModel model, double memory) {
        Choices choices = before;
        if (choices.recompute() == Recompute.NONE) {
            choices = choices.withRecompute(Recompute.SELECTIVE);
            if (change(out, "gradient_checkpointing=selective", config, model, choices, memory)) {
                return;
            }
        }
        int rows = config.batches().trainBatchSize() * config.batches().gradientAccumulationSteps();
        if (choices.microBatch() > 1) {
            choices = choices.withMicroBatch(1);
            String keys = "per_device_train_batch_size=1 gradient_accumulation_steps=" + rows;
            if (change(out, keys, config, model, choices, memory)) {
                return;
            }
        }
        if (choices.optimizer() != OptimizerType.ADAMW_8BIT) {
            choices = choices.withOptimizer(OptimizerType.ADAMW_8BIT);
            if (change(out, "optim=adamw_8bit", config, model, choices, memory)) {
                return;
            }
        }
        if (choices.lora().isEmpty()) {
            LoraOptions lora = config.model().lora();
            choices = choices.withLora(lora.settings(model.shape(), 0));
            if (change(out, "use_peft=true lora_r=" + lora.rank(), config, model, choices, memory)) {
                return;
            }
        }
        out.println("  then: a smaller max_length, or a smaller model");
    }

    private boolean change(
            PrintWriter out, String keys, TrainingConfig config, PlannedModel model, Choices choices, double memory) {
        long total = ScalingPlan.of(config, model, choices, cluster()).memory().total();
        out.printf(Locale.ROOT, "  with %s: %.2f GiB, %s%n", keys, total / GIB, total <= memory ? "fits" : "too much");
        return total <= memory;
    }

    private double parseSize(String text) {
        Matcher matcher = SIZE.matcher(text);
        Arguments.require(
                spec, matcher.matches(), "--gpu-memory must be a size such as 80GiB or 24GB, got '" + text + "'");
        double unit = switch (matcher.group(2)) {
            case "GiB" -> GIB;
            case "GB" -> 1e9;
            case "MiB" -> 1 << 20;
            default -> 1e6;
        };
        return Double.parseDouble(matcher.group(1)) * unit;
    }
}

package io.mmpo.plan;

import io.mmpo.config.LoraOptions;
import io.mmpo.config.LossOptions;
import io.mmpo.config.TrainingConfig;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import io.mmpo.spec.DeviceChoice;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.Recompute;
import io.mmpo.spec.WeightType;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a training run will take, from its configuration and the sizes in config.json: nothing is loaded or computed.
 *
 * @param parameters of the model and its adapter
 * @param trained of them
 * @param pairTokens of the longest pair that the configuration allows
 * @param sliceTokens of the largest slice of a micro-batch: what is computed at a time
 * @param pairsPerStep on one device
 * @param forwardFlopsPerPair of those of training
 * @param maxSteps where the configuration says it
 * @param type in what is computed and the weights are
 * @param files on disk
 */
public record TrainingPlan(
        long parameters,
        long trained,
        long pairTokens,
        long sliceTokens,
        int pairsPerStep,
        OptionalInt maxSteps,
        ComputeType type,
        MemoryPlan memory,
        FilePlan files,
        double trainingFlopsPerPair,
        double forwardFlopsPerPair,
        double referenceFlopsPerPair) {
    /** What may be changed to save memory. */
    public record Choices(OptimizerType optimizer, Recompute recompute, int microBatch, Optional<LoraSettings> lora) {
        public static Choices of(TrainingConfig config, ModelShape shape) {
            return new Choices(
                    config.optimizer().type(),
                    config.model().recompute(),
                    config.batches().trainBatchSize(),
                    Optional.of(config.model().lora())
                            .filter(LoraOptions::enabled)
                            .map(lora -> lora.settings(shape, 0)));
        }

        public Choices withLora(LoraSettings settings) {
            return new Choices(optimizer, recompute, microBatch, Optional.of(settings));
        }

        public Choices withOptimizer(OptimizerType other) {
            return new Choices(other, recompute, microBatch, lora);
        }

        public Choices withRecompute(Recompute other) {
            return new Choices(optimizer, other, microBatch, lora);
        }

        public Choices withMicroBatch(int other) {
            return new Choices(optimizer, recompute, other, lora);
        }
    }

    public static TrainingPlan of(TrainingConfig config, PlannedModel model, Choices choices) {
        ModelShape shape = model.shape();
        LossOptions loss = config.loss();
        boolean isSft = loss.isSft();
        boolean isLinear = isSft || loss.ignoresRejected();
        LongestPair pair = LongestPair.of(config.data(), shape, isSft ? 1 : 2, isLinear ? 1 : 2);
        boolean onCpu = config.model().device() == DeviceChoice.CPU;
        boolean isFrozen = choices.lora().isPresent();
        ComputeType type = config.model()
                .computeType()
                .frozen(onCpu ? Device.CPU : Device.CUDA, isFrozen && model.storedInBfloat16());
        SliceRows rows = SliceRows.largest(pair, choices.microBatch(), SliceRows.sliceTokens(onCpu));
        SliceMemory slice =
                SliceMemory.of(shape, choices.lora(), type, onCpu, choices.recompute(), HeadNumbers.of(loss), rows);
        MemoryPlan memory = MemoryPlan.of(
                shape,
                choices.lora(),
                choices.optimizer(),
                type,
                config.model().trainedType() == WeightType.FLOAT32,
                onCpu,
                rows.positions(),
                slice);
        FlopCount flops = FlopCount.of(shape, choices.lora(), pair, isLinear, loss.needsReference());
        long adapter =
                choices.lora().map(settings -> settings.numParameters(shape)).orElse(0L);
        return new TrainingPlan(
                shape.numParameters() + adapter,
                choices.lora().isPresent() ? adapter : shape.numParameters(),
                pair.tokens(),
                rows.tokens(),
                config.batches().trainBatchSize() * config.batches().gradientAccumulationSteps(),
                config.schedule().maxSteps(),
                type,
                memory,
                files(config, shape, choices),
                flops.training(),
                flops.forward(),
                flops.reference());
    }

    /** What is trained: the model's parameters, or the adapter's. */
    static ParameterSizes trainedSizes(ModelShape shape, Choices choices) {
        return choices.lora()
                .map(settings -> ParameterSizes.ofAdapter(shape, settings))
                .orElseGet(() -> ParameterSizes.ofModel(shape));
    }

    private static FilePlan files(TrainingConfig config, ModelShape shape, Choices choices) {
        WeightType trainedType =
                choices.lora().isPresent() ? WeightType.FLOAT32 : config.model().trainedType();
        return FilePlan.of(
                trainedSizes(shape, choices),
                trainedType,
                config.run().savedType().orElse(trainedType),
                choices.optimizer(),
                config.run(),
                config.schedule());
    }
}

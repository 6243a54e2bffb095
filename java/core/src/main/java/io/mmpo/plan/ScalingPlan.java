package io.mmpo.plan;

import io.mmpo.config.RankOptions;
import io.mmpo.config.TrainingConfig;
import io.mmpo.plan.TrainingPlan.Choices;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.WeightType;
import java.util.Collections;
import java.util.List;

/**
 * What a step of several devices takes, from arithmetic, memory bandwidth and links: the exchanges of native/src/dist, which are an
 * all-to-all of gradients, bucket by bucket beside the backward pass, and an all-gather of the updated weights after it. A message's
 * latency is not counted, nor is what travels beside a forward pass.
 *
 * @param alone what a device would take that trains without others
 * @param memory of one device
 * @param rowsPerStep of all devices
 * @param tokensPerSecond of all devices, of the longest rows
 * @param compute seconds of forward and backward passes
 * @param exposed seconds in which the update waits for gradients
 * @param update seconds in which a device reads and writes what it updates
 * @param gather seconds in which updated weights travel
 * @param bytesSent by each device in a step
 */
public record ScalingPlan(
        Cluster cluster,
        TrainingPlan alone,
        MemoryPlan memory,
        long rowsPerStep,
        double tokensPerSecond,
        double compute,
        double exposed,
        double update,
        double gather,
        double bytesSent) {
    public static ScalingPlan of(TrainingConfig config, PlannedModel model, Choices choices, Cluster cluster) {
        TrainingPlan plan = TrainingPlan.of(config, model, choices);
        Ranks ranks = new Ranks(config, model.shape(), choices, cluster.devices());
        int slices = Math.ceilDiv(Math.toIntExact(choices.microBatch() * plan.pairTokens()), (int) plan.sliceTokens());
        int passes = slices * config.batches().gradientAccumulationSteps();
        double compute = plan.pairsPerStep() * plan.trainingFlopsPerPair() / cluster.flops();
        double forward = plan.pairsPerStep() * plan.forwardFlopsPerPair() / cluster.flops();
        double backward = (compute - forward) / passes;

        int reductions = !ranks.areSeveral() ? 0 : config.ranks().reducesEveryMicroBatch() ? passes : 1;
        double reduce = cluster.exchangeSeconds(ranks.gradientBytes());
        double last = cluster.exchangeSeconds(ranks.lastBucketBytes());
        // The last bucket is complete when there is nothing left to compute.
        double exposed = reductions == 0
                ? 0
                : config.ranks().overlaps()
                        ? reductions * Math.max(0, reduce - last - backward) + last
                        : reductions * reduce;
        double packing = reductions * ranks.packedBytes() / cluster.memory();
        double update = packing + ranks.updatedBytes() / cluster.memory();
        double gather = ranks.areSeveral() ? cluster.exchangeSeconds(ranks.gatheredBytes()) : 0;
        long rows = (long) plan.pairsPerStep() * cluster.devices();
        double share = (cluster.devices() - 1.0) / cluster.devices();
        return new ScalingPlan(
                cluster,
                plan,
                ranks.areSeveral() ? ranks.memory(plan.memory()) : plan.memory(),
                rows,
                rows * plan.pairTokens() / (compute + exposed + update + gather),
                compute,
                exposed,
                update,
                gather,
                share * (reductions * ranks.gradientBytes() + ranks.gatheredBytes()));
    }

    public double stepSeconds() {
        return compute + exposed + update + gather;
    }

    /** How the trained parameters are divided. */
    private record Ranks(
            RankOptions options,
            Choices choices,
            ParameterSizes trained,
            long numLayers,
            boolean bf16,
            boolean hasMasters,
            int devices) {
        Ranks(TrainingConfig config, ModelShape shape, Choices choices, int devices) {
            this(
                    config.ranks(),
                    choices,
                    TrainingPlan.trainedSizes(shape, choices),
                    shape.numLayers(),
                    config.model().bf16(),
                    config.model().trainedType() == WeightType.FLOAT32,
                    devices);
        }

        boolean areSeveral() {
            return devices > 1;
        }

        /** Of those that share the update. */
        private int owners() {
            return options.zeroStage() >= 1 ? devices : 1;
        }

        private long sentBytes() {
            return options.reduceType() == ComputeType.BFLOAT16 ? Short.BYTES : Float.BYTES;
        }

        /** Of the weights that travel after an update: those that the model computes with, and an adapter's in float32. */
        private long weightBytes() {
            return bf16 && choices.lora().isEmpty() ? Short.BYTES : Float.BYTES;
        }

        double gradientBytes() {
            return (double) sentBytes() * trained.elements();
        }

        double lastBucketBytes() {
            return (double) sentBytes() * buckets().getLast();
        }

        /** At stage 0 it is the summed gradients that come back, and each rank updates everything. */
        double gatheredBytes() {
            return areSeveral()
                    ? (double) (options.zeroStage() >= 1 ? weightBytes() : Float.BYTES) * trained.elements()
                    : 0;
        }

        /** Read and written for a reduction: a gradient is packed, and every rank's part of it added up. */
        double packedBytes() {
            return (double) (Float.BYTES + 2 * sentBytes()) * trained.elements();
        }

        /** Read and written by an update: gradient, weights and their copy, and the optimizer's state twice. */
        double updatedBytes() {
            boolean hasCopy = bf16 && (hasMasters || choices.lora().isPresent());
            long ofWeights =
                    Float.BYTES + 2L * (bf16 && !hasCopy ? Short.BYTES : Float.BYTES) + (hasCopy ? Short.BYTES : 0);
            double all = (double) ofWeights * trained.elements() + 2.0 * trained.optimizerBytes(choices.optimizer());
            return all / owners();
        }

        private List<Long> buckets() {
            return trained.buckets(options.bucketBytes() / Float.BYTES);
        }

        MemoryPlan memory(MemoryPlan alone) {
            boolean dividesMasters = choices.lora().isEmpty();
            long gradients = options.reducesEveryMicroBatch()
                    ? Float.BYTES * (trained.elements() / devices + trained.passingGradients(numLayers))
                    : alone.gradients();
            return alone.sharing(
                    dividesMasters ? alone.masterWeights() / owners() : alone.masterWeights(),
                    gradients,
                    alone.optimizer() / owners(),
                    exchangeBytes());
        }

        /** Two buckets of gradients, sent and received, and two of weights, each with the part that is sent. */
        private long exchangeBytes() {
            long bucket = Collections.max(buckets());
            int slots = Math.min(options.overlaps() ? 2 : 1, buckets().size());
            long sum = sentBytes() == Float.BYTES ? 0 : Float.BYTES * bucket / devices;
            long ofGradients = slots * 2 * bucket * sentBytes() + sum;
            long gathered = options.zeroStage() >= 1 ? weightBytes() : Float.BYTES;
            return ofGradients + 2 * gathered * (bucket + bucket / devices);
        }
    }
}

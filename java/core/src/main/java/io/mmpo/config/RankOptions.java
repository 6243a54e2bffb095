package io.mmpo.config;

import static io.mmpo.config.ValueTypes.FLAG;
import static io.mmpo.config.ValueTypes.INTEGER;
import static io.mmpo.config.ValueTypes.LONG;

import io.mmpo.spec.ComputeType;

/** How the ranks of a run share the update, and how long they wait for each other. Of one rank nothing here has an effect. */
public record RankOptions(Settings values) {
    static final Section KEYS = new Section("Several ranks");

    private static final int HALF_AN_HOUR_SECONDS = 1800;

    private static final ConfigKey<Integer> ZERO_STAGE = KEYS.key("zero_stage", INTEGER)
            .unset("2")
            .must(stage -> 0 <= stage && stage <= 2, "must be 0, 1 or 2")
            .mayChangeOnResuming()
            .means(
                    "What ranks divide, as DeepSpeed's ZeRO: `0` nothing, `1` the optimizer's state, `2` that and the gradients; weights are on"
                            + " every rank.");

    private static final ConfigKey<ZeroReduce> ZERO_REDUCE = KEYS.key("zero_reduce", ValueType.oneOf(ZeroReduce.class))
            .unset("micro_batch")
            .effective(v -> v.get(ZERO_STAGE) == 2, v -> "on zero_stage " + v.get(ZERO_STAGE))
            .mayChangeOnResuming()
            .means(
                    "When gradients are reduced with zero_stage 2: with every `micro_batch`, so that a rank holds those of its own part alone, or"
                            + " once a `step`, which sends less where gradient_accumulation_steps is above 1 and holds all of them until then.");

    private static final ConfigKey<ComputeType> REDUCE_TYPE = KEYS.key(
                    "reduce_dtype", ValueType.oneOf(ComputeType.PLAIN, ComputeType::words))
            .unset("float32")
            .mayChangeOnResuming()
            .means(
                    "Type in which gradients are sent: `float32`, or `bfloat16`, half the bytes and rounded; they are added up in float32.");

    private static final ConfigKey<Boolean> OVERLAP = KEYS.key("overlap_comm", FLAG)
            .unset("true")
            .mayChangeOnResuming()
            .means(
                    "Whether gradients travel while the backward pass goes on; without it each bucket is waited for. It changes no bit of a result.");

    private static final ConfigKey<Long> BUCKET_ELEMENTS = KEYS.key("reduce_bucket_size", LONG)
            .unset("8388608")
            .must(elements -> elements >= 1 && elements <= Long.MAX_VALUE / Float.BYTES, "must be at least 1")
            .mayChangeOnResuming()
            .means(
                    "Elements of gradients that are sent together, and of updated weights: whole layers, at least one. It changes no bit of a result.");

    private static final ConfigKey<Integer> TIMEOUT = KEYS.key("ddp_timeout", INTEGER)
            .unset(Integer.toString(HALF_AN_HOUR_SECONDS))
            .must(seconds -> seconds >= 1, "must be at least 1")
            .mayChangeOnResuming()
            .means(
                    "Seconds that a rank waits for the others before it gives them up for lost; more than what one of them may take alone,"
                            + " to tokenize the rows or to write a checkpoint say.");

    /** When gradients are reduced over ranks. */
    public enum ZeroReduce {
        MICRO_BATCH,
        STEP
    }

    public RankOptions {
        values = values.of(KEYS);
    }

    public int zeroStage() {
        return values.get(ZERO_STAGE);
    }

    /** Whether with every micro-batch; else once a step. */
    public boolean reducesEveryMicroBatch() {
        return zeroStage() == 2 && values.get(ZERO_REDUCE) == ZeroReduce.MICRO_BATCH;
    }

    public ComputeType reduceType() {
        return values.get(REDUCE_TYPE);
    }

    /** Whether gradients travel beside the backward pass. */
    public boolean overlaps() {
        return values.get(OVERLAP);
    }

    /** Of gradients, in 32 bits, that are sent together. */
    public long bucketBytes() {
        return Float.BYTES * values.get(BUCKET_ELEMENTS);
    }

    public int timeoutSeconds() {
        return values.get(TIMEOUT);
    }
}

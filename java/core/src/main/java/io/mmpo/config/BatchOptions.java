package io.mmpo.config;

import static io.mmpo.config.ValueTypes.INTEGER;
import static io.mmpo.config.ValueTypes.OPTIONAL_INTEGER;

import io.mmpo.spec.LossType;
import java.util.OptionalInt;

/** Rows in a micro-batch, micro-batches in an optimizer step, and rows in a batch without gradients. */
public record BatchOptions(Settings values) {
    static final Section KEYS = new Section("Batches");

    private static final ConfigKey<Integer> TRAIN_BATCH_SIZE = KEYS.key("per_device_train_batch_size", INTEGER)
            .unset("8")
            .must(rows -> rows >= 1, "must be at least 1")
            .mayChangeOnResuming()
            .means(
                    "Rows in a micro-batch, of every rank where there are several: a run goes on with as many on all ranks together. One of more than 1,536 tokens (on a GPU 8,192) is computed in slices of whole rows,"
                            + " and takes no more memory.");

    private static final ConfigKey<Integer> ACCUMULATION = KEYS.key("gradient_accumulation_steps", INTEGER)
            .unset("1")
            .must(batches -> batches >= 1, "must be at least 1")
            .means("Micro-batches in an optimizer step.");

    private static final ConfigKey<Integer> EVAL_BATCH_SIZE = KEYS.key("per_device_eval_batch_size", INTEGER)
            .unset("8")
            .must(rows -> rows >= 1, "must be at least 1")
            .mayChangeOnResuming()
            .means("Rows in a batch of evaluation, which is sliced as micro-batches are.");

    private static final ConfigKey<OptionalInt> REFERENCE_BATCH_SIZE = KEYS.key(
                    "precompute_ref_batch_size", OPTIONAL_INTEGER)
            .of(LossType::readsReference)
            .must(rows -> rows.orElse(1) >= 1, "must be at least 1")
            .mayChangeOnResuming()
            .means("Rows scored at a time for reference log-probabilities; unset: per_device_train_batch_size.");

    public BatchOptions {
        values = values.of(KEYS);
    }

    public int trainBatchSize() {
        return values.get(TRAIN_BATCH_SIZE);
    }

    public int gradientAccumulationSteps() {
        return values.get(ACCUMULATION);
    }

    public int evalBatchSize() {
        return values.get(EVAL_BATCH_SIZE);
    }

    /** Rows scored at a time for the reference log-probabilities of the training rows. */
    public int referenceBatchSize() {
        return values.get(REFERENCE_BATCH_SIZE).orElse(trainBatchSize());
    }
}

package io.mmpo.config;

/** Shapes of the learning rate over training, with Hugging Face's names (in lower case). */
public enum SchedulerType {
    LINEAR,
    COSINE,
    CONSTANT,
    CONSTANT_WITH_WARMUP
}

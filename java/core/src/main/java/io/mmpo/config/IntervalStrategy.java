package io.mmpo.config;

/** When to evaluate or save: never, every so many optimizer steps, or after each epoch. */
public enum IntervalStrategy {
    NO,
    STEPS,
    EPOCH
}

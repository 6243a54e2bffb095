package io.mmpo.spec;

/** Where a model computes, in mmpo_device's order. */
public enum Device {
    CPU,
    /** The first GPU that CUDA shows this process. */
    CUDA
}

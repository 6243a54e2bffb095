package io.mmpo.spec;

import java.util.Locale;

/** Linear modules of a layer that an adapter may have a part in, in the order of mmpo_module. */
public enum LoraModule {
    Q,
    K,
    V,
    O,
    GATE,
    UP,
    DOWN;

    /** As PEFT's target_modules names it, "q_proj" for example. */
    public String moduleName() {
        return name().toLowerCase(Locale.ROOT) + "_proj";
    }

    public long inputs(ModelShape shape) {
        return switch (this) {
            case Q, K, V, GATE, UP -> shape.hiddenSize();
            case O -> shape.numHeads() * shape.headDim();
            case DOWN -> shape.intermediateSize();
        };
    }

    public long outputs(ModelShape shape) {
        return switch (this) {
            case Q -> shape.numHeads() * shape.headDim();
            case K, V -> shape.numKvHeads() * shape.headDim();
            case O, DOWN -> shape.hiddenSize();
            case GATE, UP -> shape.intermediateSize();
        };
    }
}

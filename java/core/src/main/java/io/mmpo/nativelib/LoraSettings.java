package io.mmpo.nativelib;

import static io.mmpo.nativelib.Require.require;

import java.util.Set;

/**
 * LoRA as PEFT has it: a module's output grows by scaling * dropout(x) A^T B^T.
 *
 * @param rank r, the same for every module
 * @param scaling alpha / r, or alpha / sqrt(r) where PEFT's use_rslora is set
 * @param dropout in [0, 1), in training only
 * @param seed of the dropout masks, and of A where no weights are given
 */
public record LoraSettings(int rank, double scaling, double dropout, long seed, Set<LoraModule> targets) {
    public static final int MAX_RANK = 65536;

    public LoraSettings {
        require(1 <= rank && rank <= MAX_RANK, "the rank r of an adapter must be in [1, %d], got %d", MAX_RANK, rank);
        require(scaling > 0 && Double.isFinite(scaling), "an adapter's scaling must be > 0, got %s", scaling);
        require(0 <= dropout && dropout < 1, "lora_dropout must be in [0, 1), got %s", dropout);
        require(!targets.isEmpty(), "an adapter needs at least one target module");
        targets = Set.copyOf(targets);
    }

    /** Elements of all A and B for a model of this shape, known without weights; an ArithmeticException beyond a long. */
    public long numParameters(ModelShape shape) {
        long layer = 0;
        for (LoraModule module : targets) {
            layer = Math.addExact(
                    layer, Math.multiplyExact(rank, Math.addExact(module.inputs(shape), module.outputs(shape))));
        }
        return Math.multiplyExact(shape.numLayers(), layer);
    }

    /** Their mmpo_module set. */
    int targetCodes() {
        return targets.stream().mapToInt(LoraModule::code).sum();
    }
}

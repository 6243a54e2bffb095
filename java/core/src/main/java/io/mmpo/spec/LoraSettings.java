package io.mmpo.spec;

import static io.mmpo.spec.Require.require;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * LoRA as PEFT has it: a module's output grows by scaling * dropout(x) A^T B^T.
 *
 * @param targets the adapted modules, each once
 * @param whole what is trained whole beside them
 * @param dropout in [0, 1), in training only
 * @param seed of the dropout masks, and of A where no weights are given
 */
public record LoraSettings(List<LoraTarget> targets, Set<WholeMatrix> whole, double dropout, long seed) {
    public static final int MAX_RANK = 65536;

    public LoraSettings {
        require(0 <= dropout && dropout < 1, "lora_dropout must be in [0, 1), got %s", dropout);
        require(!targets.isEmpty(), "an adapter needs at least one target module");
        require(whole.size() < 2 || !whole.contains(WholeMatrix.TIED), "a tied matrix is both, got %s", whole);
        targets = List.copyOf(targets);
        whole = Set.copyOf(whole);
    }

    /** The same modules of every layer, with one rank and scaling. */
    public static LoraSettings everywhere(
            long numLayers, int rank, double scaling, double dropout, long seed, Set<LoraModule> modules) {
        List<LoraTarget> targets = new ArrayList<>();
        for (long layer = 0; layer < numLayers; layer++) {
            for (LoraModule module : LoraModule.values()) {
                if (modules.contains(module)) {
                    targets.add(new LoraTarget(layer, module, rank, scaling));
                }
            }
        }
        return new LoraSettings(targets, Set.of(), dropout, seed);
    }

    /** Elements of all that is trained for a model of this shape, known without weights; an ArithmeticException beyond a long. */
    public long numParameters(ModelShape shape) {
        return Math.addExact(numLoraParameters(shape), numWholeParameters(shape));
    }

    /** Of them those of A and B. */
    public long numLoraParameters(ModelShape shape) {
        long sum = 0;
        for (LoraTarget target : targets) {
            sum = Math.addExact(sum, Math.addExact(target.inputElements(shape), target.outputElements(shape)));
        }
        return sum;
    }

    /** Of them those of matrices that are trained whole. */
    public long numWholeParameters(ModelShape shape) {
        return Math.multiplyExact(whole.size(), Math.multiplyExact(shape.vocabSize(), shape.hiddenSize()));
    }

    public boolean trainsHead() {
        return whole.contains(WholeMatrix.HEAD) || whole.contains(WholeMatrix.TIED);
    }

    /** Columns of x A^T of the layer that has most of them. */
    public long lowColumns() {
        Map<Long, Long> columns = new HashMap<>();
        targets.forEach(target -> columns.merge(target.layer(), (long) target.rank(), Long::sum));
        return columns.values().stream().mapToLong(Long::longValue).max().orElse(0);
    }
}

package io.mmpo.plan;

import io.mmpo.spec.LoraModule;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.LoraTarget;
import io.mmpo.spec.ModelShape;
import java.util.Arrays;
import java.util.Collection;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.ToLongFunction;

/** Which inputs of a layer's products an adapter's backward pass reads, and what its own products take: native/src/model/lora.cpp. */
final class AdapterMemory {
    /** Modules that read one input, which are one product. */
    enum Projection {
        QKV(LoraModule.Q, LoraModule.K, LoraModule.V),
        OUTPUT(LoraModule.O),
        GATE_UP(LoraModule.GATE, LoraModule.UP),
        DOWN(LoraModule.DOWN);

        private final Set<LoraModule> modules;

        Projection(LoraModule... modules) {
            this.modules = EnumSet.copyOf(Arrays.asList(modules));
        }

        long inputs(ModelShape shape) {
            return modules.iterator().next().inputs(shape);
        }

        long outputs(ModelShape shape) {
            return modules.stream().mapToLong(module -> module.outputs(shape)).sum();
        }
    }

    private final ModelShape shape;
    private final boolean bf16;
    private final boolean dropsOut;
    private final boolean isThere;
    private final boolean isBound;
    /** Ranks by layer, of layers that have any. */
    private final Map<Long, EnumMap<LoraModule, Integer>> layers = new TreeMap<>();

    /** isBound: whether as much is counted as fewer rows may take. */
    AdapterMemory(ModelShape shape, boolean bf16, Optional<LoraSettings> lora, boolean isBound) {
        this.shape = shape;
        this.bf16 = bf16;
        this.isBound = isBound;
        this.isThere = lora.isPresent();
        this.dropsOut = lora.map(LoraSettings::dropout).orElse(0.0) > 0;
        List<LoraTarget> targets = lora.map(LoraSettings::targets).orElse(List.of());
        targets.forEach(target -> layers.computeIfAbsent(target.layer(), layer -> new EnumMap<>(LoraModule.class))
                .put(target.module(), target.rank()));
    }

    boolean isThere() {
        return isThere;
    }

    boolean dropsOut() {
        return dropsOut;
    }

    /** Layers whose backward pass reads the input of a projection: all, where all weights are trained. */
    long layersThatRead(Projection projection) {
        if (!isThere) {
            return shape.numLayers();
        }
        return layers.values().stream()
                .filter(ranks -> projection.modules.stream().anyMatch(ranks::containsKey))
                .count();
    }

    /** What dropout's products sum in, of a pass over so many rows. */
    long forward(long rows) {
        return dropsOut ? largest(ranks -> partialSums(ranks, rows)) : 0;
    }

    /** Beside that the gradient of x A^T. */
    long backward(long rows) {
        return largest(ranks -> rows * (bf16 ? Short.BYTES : Float.BYTES) * sum(ranks.values())
                + (dropsOut ? partialSums(ranks, rows) : 0));
    }

    private long largest(ToLongFunction<EnumMap<LoraModule, Integer>> bytes) {
        long most = 0;
        for (EnumMap<LoraModule, Integer> ranks : layers.values()) {
            for (Projection projection : Projection.values()) {
                EnumMap<LoraModule, Integer> own = new EnumMap<>(ranks);
                own.keySet().retainAll(projection.modules);
                if (!own.isEmpty()) {
                    most = Math.max(most, bytes.applyAsLong(own));
                }
            }
        }
        return most;
    }

    private static long sum(Collection<Integer> values) {
        return values.stream().mapToLong(Integer::longValue).sum();
    }

    /** Neighbours of one rank are one call of the kernel. */
    private long partialSums(EnumMap<LoraModule, Integer> ranks, long rows) {
        long most = 0;
        long rank = 0;
        long products = 0;
        for (Map.Entry<LoraModule, Integer> module : ranks.entrySet()) {
            products = module.getValue() == rank ? products + 1 : 1;
            rank = module.getValue();
            long columns = module.getKey().inputs(shape);
            for (long fewer = isBound ? 1 : rows; fewer < rows; fewer += DropoutScratch.side(bf16)) {
                most = Math.max(most, DropoutScratch.bytes(bf16, fewer, columns, rank, products));
            }
            most = Math.max(most, DropoutScratch.bytes(bf16, rows, columns, rank, products));
        }
        return most;
    }

    /** CudaDropoutLinear::scratch_size of native/cuda/dropout_linear.cu, whose constants these are. */
    private static final class DropoutScratch {
        private static final long COLUMNS = 128;
        private static final long BLOCKS_WANTED = 132 * 3;
        private static final long FEWEST_TILES = 4;

        /** Rows and ranks of a tile. */
        static long side(boolean bf16) {
            return bf16 ? 64 : 32;
        }

        /** More rows may take less, since their sums are cut into fewer parts. */
        static long bytes(boolean bf16, long rows, long columns, long rank, long products) {
            long side = side(bf16);
            long rankTiles = products * Math.ceilDiv(rank, side);
            long ranks = roundUp(rank, side / 2);
            long rowTiles = Math.ceilDiv(rows, side);
            long columnTiles = Math.ceilDiv(columns, COLUMNS);
            long forward = parts(rowTiles * rankTiles, columnTiles) * products * roundUp(rows, side) * ranks;
            long ofWeight = parts(columnTiles * rankTiles, rowTiles) * products * ranks * roundUp(columns, COLUMNS);
            return Float.BYTES * Math.max(forward, ofWeight);
        }

        private static long parts(long blocks, long tiles) {
            long most = Math.max(1, tiles / FEWEST_TILES);
            long wanted = Math.clamp(BLOCKS_WANTED / Math.max(1, blocks), 1L, most);
            return Math.ceilDiv(tiles, Math.max(1, Math.ceilDiv(tiles, wanted)));
        }

        private static long roundUp(long value, long multiple) {
            return Math.ceilDiv(value, multiple) * multiple;
        }
    }
}

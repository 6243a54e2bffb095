package io.mmpo.model;

import io.mmpo.nativelib.RoundingLoss;
import io.mmpo.nativelib.WeightFormat;
import io.mmpo.nativelib.WeightType;
import io.mmpo.nativelib.Weights;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The weight files of a merged model: the base's, with every adapted weight replaced, in the base's types or in one. */
final class Merging {
    private final AdapterMerge.Options options;
    private final Map<WeightType, Narrowing> forms = new EnumMap<>(WeightType.class);

    Merging(AdapterMerge.Options options) {
        this.options = options;
    }

    /** Of the adapter's update, over the weights that it has a part in. */
    RoundingLoss loss() {
        return forms.values().stream().map(Narrowing::loss).reduce(RoundingLoss.NONE, RoundingLoss::plus);
    }

    /** The number of weights that the adapter has a part in. */
    int write(Path directory, ModelFiles base, MergedWeights merged) {
        Map<String, String> weightMap = new TreeMap<>();
        long totalBytes = 0;
        int adapted = 0;
        boolean lacksHead = !merged.isTied();
        Path last = base.weightFiles().getLast();
        for (Path file : base.weightFiles()) {
            // One file's tensors at a time.
            try (SafetensorsReader reader = SafetensorsReader.open(file);
                    Arena memory = Arena.ofConfined()) {
                List<Weights> tensors = new ArrayList<>();
                for (SafetensorsReader.Tensor tensor : reader.tensors()) {
                    Weights stored = tensor.toWeights();
                    adapted += merged.isAdapted(tensor.name()) ? 1 : 0;
                    lacksHead &= !tensor.name().equals(ModelFiles.HEAD);
                    tensors.add(
                            merged.isAdapted(tensor.name())
                                    ? merge(merged, stored, memory)
                                    : as(format(stored), merged.weight(stored), memory));
                }
                if (lacksHead && file.equals(last)) {
                    tensors.add(as(format(reader.tensors().getFirst().toWeights()), merged.head(), memory));
                }
                for (Weights tensor : tensors) {
                    weightMap.put(tensor.name(), file.getFileName().toString());
                    totalBytes += tensor.data().byteSize();
                }
                SafetensorsWriter.writeFile(directory.resolve(file.getFileName()), tensors, reader.metadata());
            }
        }
        if (adapted != merged.numAdapted()) {
            throw new IllegalStateException(
                    adapted + " weights were merged, and the adapter has " + merged.numAdapted());
        }
        if (!Files.exists(directory.resolve(ModelFiles.WEIGHTS_FILE))) {
            SafetensorsWriter.writeIndex(directory, totalBytes, weightMap);
        }
        return adapted;
    }

    /** A tensor without an update to lose. */
    private static Weights as(WeightFormat format, Weights tensor, Arena memory) {
        return new Narrowing(format, List.of()).of(tensor, memory);
    }

    private Weights merge(MergedWeights merged, Weights stored, Arena memory) {
        Narrowing form = formOf(stored);
        Weights weight = merged.weight(stored);
        if (form.dtype(weight).equals(WeightType.FLOAT32.dtype())) {
            return merged.merge(weight, memory);
        }
        try (Arena scratch = Arena.ofConfined()) {
            return form.of(merged.merge(weight, scratch), weight, memory);
        }
    }

    private Narrowing formOf(Weights weight) {
        WeightFormat format = format(weight);
        return forms.computeIfAbsent(format.type(), type -> new Narrowing(format, List.of()));
    }

    private WeightFormat format(Weights weight) {
        WeightType type = options.type()
                .orElseGet(() -> WeightType.ofDtype(weight.dtype()).orElseThrow());
        return new WeightFormat(type, options.stochastic(), options.seed());
    }
}

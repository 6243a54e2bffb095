package io.mmpo.model;

import io.mmpo.nativelib.LoraMerge;
import io.mmpo.nativelib.RoundingLoss;
import io.mmpo.nativelib.WeightFormat;
import io.mmpo.nativelib.WeightType;
import io.mmpo.nativelib.Weights;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** The weight files of a merged model: the base's, with every adapted weight replaced, in the base's types or in one. */
final class Merging {
    private static final String PREFIX = "base_model.model.";

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
    int write(Path directory, ModelFiles base, AdapterFiles adapter) {
        Map<String, Weights> factors = new HashMap<>();
        adapter.weights().forEach(tensor -> factors.put(tensor.name(), tensor));
        double scaling = adapter.config().settings(0).scaling();
        Map<String, String> weightMap = new TreeMap<>();
        long totalBytes = 0;
        int merged = 0;
        for (Path file : base.weightFiles()) {
            // One file's tensors at a time.
            try (SafetensorsReader reader = SafetensorsReader.open(file);
                    Arena memory = Arena.ofConfined()) {
                List<Weights> tensors = new ArrayList<>();
                for (SafetensorsReader.Tensor tensor : reader.tensors()) {
                    Weights weight = tensor.toWeights();
                    String module = PREFIX + withoutSuffix(tensor.name(), ".weight");
                    Weights a = factors.get(module + ".lora_A.weight");
                    Weights b = factors.get(module + ".lora_B.weight");
                    if (a != null && b != null) {
                        tensors.add(merge(weight, a, b, scaling, memory));
                        merged++;
                    } else {
                        tensors.add(new Narrowing(format(weight), List.of()).of(weight, memory)); // no update to lose
                    }
                    weightMap.put(tensor.name(), file.getFileName().toString());
                    totalBytes += tensors.getLast().data().byteSize();
                }
                SafetensorsWriter.writeFile(directory.resolve(file.getFileName()), tensors, reader.metadata());
            }
        }
        long expected =
                base.config().shape().numLayers() * adapter.config().targets().size();
        if (merged != expected) {
            throw new IllegalStateException(merged + " weights were merged, and the adapter has " + expected);
        }
        if (!Files.exists(directory.resolve(ModelFiles.WEIGHTS_FILE))) {
            SafetensorsWriter.writeIndex(directory, totalBytes, weightMap);
        }
        return merged;
    }

    private Weights merge(Weights weight, Weights a, Weights b, double scaling, Arena memory) {
        Narrowing form = formOf(weight);
        if (form.dtype(weight).equals(WeightType.FLOAT32.dtype())) {
            return LoraMerge.merge(weight, a, b, scaling, memory);
        }
        try (Arena scratch = Arena.ofConfined()) {
            return form.of(LoraMerge.merge(weight, a, b, scaling, scratch), weight, memory);
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

    private static String withoutSuffix(String name, String suffix) {
        return name.endsWith(suffix) ? name.substring(0, name.length() - suffix.length()) : name;
    }
}

package io.mmpo.model;

import io.mmpo.nativelib.RoundingLoss;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.WeightFormat;
import io.mmpo.spec.WeightType;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

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
        ParameterNames names = new ParameterNames(base.config().shape());
        Map<String, String> weightMap = new TreeMap<>();
        long totalBytes = 0;
        Set<String> adapted = new HashSet<>();
        // A tied model's files hold one of the two.
        Set<String> lacking = merged.isTied()
                ? new TreeSet<>()
                : new TreeSet<>(List.of(ParameterNames.EMBEDDING, ParameterNames.HEAD));
        Path last = base.weightFiles().getLast();
        for (Path file : base.weightFiles()) {
            // One file's tensors at a time.
            try (SafetensorsReader reader = SafetensorsReader.open(file);
                    Arena memory = Arena.ofConfined()) {
                List<Tensor> tensors = new ArrayList<>();
                for (SafetensorsReader.Entry tensor : reader.tensors()) {
                    String name = names.renamed(tensor.name());
                    if (!names.contains(name)) {
                        continue; // read by nobody, and of a type that may not be a weight's
                    }
                    Tensor stored = AdapterFiles.named(tensor.toTensor(), name);
                    lacking.remove(name);
                    if (merged.isAdapted(name)) {
                        adapted.add(name);
                        tensors.add(AdapterFiles.named(merge(merged, stored, memory), tensor.name()));
                    } else {
                        tensors.add(
                                AdapterFiles.named(as(format(stored), merged.weight(stored), memory), tensor.name()));
                    }
                }
                if (file.equals(last)) {
                    for (String name : lacking) {
                        tensors.add(as(format(merged.held(name)), merged.held(name), memory));
                    }
                }
                for (Tensor tensor : tensors) {
                    weightMap.put(tensor.name(), file.getFileName().toString());
                    totalBytes += tensor.data().byteSize();
                }
                SafetensorsWriter.writeFile(directory.resolve(file.getFileName()), tensors, reader.metadata());
            }
        }
        if (adapted.size() != merged.numAdapted()) {
            throw new IllegalStateException(
                    adapted.size() + " weights were merged, and the adapter has " + merged.numAdapted());
        }
        if (!Files.exists(directory.resolve(ModelFiles.WEIGHTS_FILE))) {
            SafetensorsWriter.writeIndex(directory, totalBytes, weightMap);
        }
        return adapted.size();
    }

    /** A tensor without an update to lose. */
    private static Tensor as(WeightFormat format, Tensor tensor, Arena memory) {
        return new Narrowing(format, List.of()).of(tensor, memory);
    }

    private Tensor merge(MergedWeights merged, Tensor stored, Arena memory) {
        Narrowing form = formOf(stored);
        Tensor weight = merged.weight(stored);
        if (form.dtype(weight).equals(WeightType.FLOAT32.dtype())) {
            return merged.merge(weight, memory);
        }
        try (Arena scratch = Arena.ofConfined()) {
            return form.of(merged.merge(weight, scratch), weight, memory);
        }
    }

    private Narrowing formOf(Tensor weight) {
        WeightFormat format = format(weight);
        return forms.computeIfAbsent(format.type(), type -> new Narrowing(format, List.of()));
    }

    private WeightFormat format(Tensor weight) {
        WeightType type = options.type()
                .orElseGet(() -> WeightType.ofDtype(weight.dtype()).orElseThrow());
        return new WeightFormat(type, options.stochastic(), options.seed());
    }
}

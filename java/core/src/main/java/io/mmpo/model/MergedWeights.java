package io.mmpo.model;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.nativelib.LoraMerge;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.LoraSettings;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/**
 * What each tensor of a model is once an adapter is merged into it: W + scaling B A, or what the adapter holds in its place. A head that
 * is no longer the embedding is a tensor of its own.
 */
final class MergedWeights {
    private final AdaptedBase base;
    private final boolean tied;
    private final Map<String, Tensor> held = new HashMap<>();
    private final Map<String, Tensor> factors = new HashMap<>();
    private final Map<String, Double> scalings = new HashMap<>();
    private final LoraSettings settings;

    MergedWeights(ModelFiles files, AdapterFiles adapter) {
        base = adapter.base(files);
        settings = adapter.settings(base.shape(), 0);
        Tensor embedding = base.embedding();
        Tensor head = base.head();
        tied = base.shape().tieEmbeddings() && isSame(embedding, head);
        held.putAll(base.replaced());
        held.put(ParameterNames.EMBEDDING, embedding);
        held.put(ParameterNames.HEAD, head);
        adapter.lora().forEach(tensor -> factors.put(tensor.name(), tensor));
        settings.targets()
                .forEach(target ->
                        scalings.put(ModuleNames.name(target.layer(), target.module()) + ".weight", target.scaling()));
    }

    private static boolean isSame(Tensor a, Tensor b) {
        return a.dtype().equals(b.dtype())
                && Arrays.equals(a.shape(), b.shape())
                && a.data().mismatch(b.data()) == -1;
    }

    boolean isTied() {
        return tied;
    }

    /** Whether a config.json says what the merged model is. */
    boolean hasShapeOf(ObjectNode config) {
        ObjectNode changed = config.deepCopy();
        describe(changed);
        return changed.equals(config);
    }

    /** Writes the vocabulary of the adapter into a config.json, and that it is untied where embedding and head are two now. */
    void describe(ObjectNode config) {
        if (config.path("vocab_size").asLong() != base.shape().vocabSize()) {
            config.put("vocab_size", base.shape().vocabSize());
        }
        if (base.shape().tieEmbeddings() && !tied) {
            config.put("tie_word_embeddings", false);
        }
    }

    int numAdapted() {
        return settings.targets().size();
    }

    boolean isAdapted(String name) {
        return scalings.containsKey(name);
    }

    /** What has the place of a stored tensor before the adapter's product is added. */
    Tensor weight(Tensor stored) {
        return AdapterFiles.named(held.getOrDefault(stored.name(), stored), stored.name());
    }

    /** weight, which {@link #isAdapted}, and the product, in 32 bits and the arena's memory. */
    Tensor merge(Tensor weight, Arena memory) {
        String module =
                AdapterFiles.PREFIX + weight.name().substring(0, weight.name().length() - ".weight".length());
        Tensor a = Objects.requireNonNull(factors.get(module + ".lora_A.weight"));
        Tensor b = Objects.requireNonNull(factors.get(module + ".lora_B.weight"));
        return LoraMerge.merge(weight, a, b, Objects.requireNonNull(scalings.get(weight.name())), memory);
    }

    /** Embedding or head, one of which the files of a tied model do not hold. */
    Tensor held(String name) {
        return AdapterFiles.named(Objects.requireNonNull(held.get(name)), name);
    }
}

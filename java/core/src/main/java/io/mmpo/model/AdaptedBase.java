package io.mmpo.model;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.LoraSettings;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.WholeMatrix;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The model below an adapter that holds tensors of it. What the adapter trains (modules_to_save: embedding, head) is its own; what else
 * it holds takes the place of the model's, as PEFT loads it, and decides the size of the vocabulary.
 *
 * @param shape with the adapter's vocabulary
 * @param files of the model, which must stay open
 * @param replaced those of them that are not the model's own
 * @param ownEmbedding what the adapter has in place of the embedding, where it trains it
 * @param ownHead the same of the head
 */
record AdaptedBase(
        ModelShape shape,
        ModelFiles files,
        Map<String, Tensor> replaced,
        @Nullable Tensor ownEmbedding,
        @Nullable Tensor ownHead) {
    private static final String EMBEDDING = ParameterNames.EMBEDDING;
    private static final String HEAD = ParameterNames.HEAD;

    static AdaptedBase of(
            ModelFiles files,
            LoraSettings settings,
            Map<String, Tensor> whole,
            Map<String, Tensor> original,
            Path file) {
        return new Reading(files, settings, whole, original, file).read();
    }

    Tensor own(WholeMatrix matrix) {
        Tensor own = matrix == WholeMatrix.HEAD ? ownHead : ownEmbedding;
        if (own == null) {
            throw new IllegalStateException("the adapter has no " + matrix + " of its own");
        }
        return own;
    }

    /** What is computed with. */
    Tensor embedding() {
        return ownEmbedding != null ? ownEmbedding : weight(EMBEDDING);
    }

    Tensor head() {
        return ownHead != null ? ownHead : weight(shape.tieEmbeddings() ? EMBEDDING : HEAD);
    }

    /** Whether it is the model as its files have it. */
    boolean isModels() {
        return replaced.isEmpty();
    }

    /** Of the model below the adapter. */
    List<Tensor> weights() {
        Map<String, Tensor> weights = new LinkedHashMap<>();
        files.weights().forEach(weight -> weights.put(weight.name(), weight));
        weights.putAll(replaced);
        return List.copyOf(weights.values());
    }

    private Tensor weight(String name) {
        return Optional.ofNullable(replaced.get(name))
                .or(() -> files.weight(name))
                .orElseThrow(() -> MmpoException.data("The model has no %s. Fetch its files again.", name));
    }

    private static final class Reading {
        private final ModelFiles files;
        private final ModelShape shape;
        private final LoraSettings settings;
        private final Map<String, Tensor> whole;
        private final Map<String, Tensor> frozen = new LinkedHashMap<>();
        private final Path file;

        Reading(
                ModelFiles files,
                LoraSettings settings,
                Map<String, Tensor> whole,
                Map<String, Tensor> original,
                Path file) {
            this.files = files;
            this.shape = files.config().shape();
            this.settings = settings;
            this.whole = whole;
            this.file = file;
            frozen.putAll(whole);
            if (isOwn(WholeMatrix.EMBEDDING)) {
                frozen.remove(EMBEDDING);
            }
            if (isOwn(WholeMatrix.HEAD)) {
                frozen.remove(HEAD);
            }
            frozen.putAll(original);
        }

        private boolean isOwn(WholeMatrix matrix) {
            return settings.whole().contains(matrix) || settings.whole().contains(WholeMatrix.TIED);
        }

        AdaptedBase read() {
            long vocabulary = vocabulary();
            Tensor ownEmbedding = isOwn(WholeMatrix.EMBEDDING) ? own(EMBEDDING) : null;
            Tensor ownHead = isOwn(WholeMatrix.HEAD) ? own(HEAD) : null;
            Map<String, Tensor> replaced = new HashMap<>();
            frozen.forEach((name, tensor) -> {
                if (!name.equals(EMBEDDING) && !name.equals(HEAD)) {
                    requireInModel(files.tensor(name).orElse(null), name, tensor);
                    replaced.put(name, AdapterFiles.named(tensor, name));
                }
            });
            boolean tied = shape.tieEmbeddings();
            // Tied, both names are one tensor, and the head is what PEFT reads last.
            Tensor embedding = tied && frozen.containsKey(HEAD) ? frozen.get(HEAD) : frozen.get(EMBEDDING);
            boolean isCovered = ownEmbedding != null && (!tied || ownHead != null);
            replace(replaced, EMBEDDING, embedding, isCovered ? ownEmbedding : null, vocabulary);
            if (!tied) {
                replace(replaced, HEAD, frozen.get(HEAD), ownHead, vocabulary);
            }
            return new AdaptedBase(shape.withVocabSize(vocabulary), files, replaced, ownEmbedding, ownHead);
        }

        /** own: what nobody looks below, so that it may stand in for a matrix of another size. */
        private void replace(
                Map<String, Tensor> replaced,
                String name,
                @Nullable Tensor carried,
                @Nullable Tensor own,
                long vocabulary) {
            if (carried != null) {
                replaced.put(name, AdapterFiles.named(carried, name));
            } else if (vocabulary != shape.vocabSize()) {
                if (own == null) {
                    throw MmpoException.data(
                            "%s is for a vocabulary of %,d tokens and holds no %s, and the model's has %,d. Resize the model as it was when"
                                    + " the adapter was trained (resize_token_embeddings of transformers), save it, and give it by --model.",
                            file, vocabulary, name, shape.vocabSize());
                }
                replaced.put(name, AdapterFiles.named(own, name));
            }
        }

        private Tensor own(String name) {
            boolean isTied = settings.whole().contains(WholeMatrix.TIED);
            Tensor tensor = whole.get(name);
            if (tensor == null && isTied) {
                tensor = whole.get(name.equals(HEAD) ? EMBEDDING : HEAD);
            }
            if (tensor == null) {
                throw MmpoException.data(
                        "%s names %s in modules_to_save, and %s holds no %s. Fetch both files again.",
                        AdapterConfig.FILE, name, file, AdapterFiles.PREFIX + name);
            }
            return tensor;
        }

        /** Rows of the embedding and head that the adapter holds; the model's where it holds none. */
        private long vocabulary() {
            Optional<Tensor> first = Optional.empty();
            for (Map<String, Tensor> tensors : List.of(whole, frozen)) {
                for (String name : List.of(EMBEDDING, HEAD)) {
                    Tensor tensor = tensors.get(name);
                    if (tensor == null) {
                        continue;
                    }
                    long[] wanted = {first.map(other -> other.shape()[0]).orElse(tensor.shape()[0]), shape.hiddenSize()
                    };
                    if (!Arrays.equals(tensor.shape(), wanted)) {
                        throw MmpoException.data(
                                "%s: tensor %s has the shape %s; %s is wanted. Use the model that the adapter was trained on.",
                                file, tensor.name(), Arrays.toString(tensor.shape()), Arrays.toString(wanted));
                    }
                    first = Optional.of(tensor);
                }
            }
            return first.map(tensor -> tensor.shape()[0]).orElse(shape.vocabSize());
        }

        private void requireInModel(Checkpoint.@Nullable Parameter models, String name, Tensor tensor) {
            if (models == null || !Arrays.equals(models.shape(), tensor.shape())) {
                throw MmpoException.data(
                        "%s: tensor %s is neither of LoRA's nor one of the model's%s. Merge the adapter into its model with PEFT"
                                + " (merge_and_unload), and use the merged model.",
                        file,
                        tensor.name(),
                        models == null
                                ? ""
                                : ": " + name + " has the shape " + Arrays.toString(models.shape()) + " there, "
                                        + Arrays.toString(tensor.shape()) + " here");
            }
        }
    }
}

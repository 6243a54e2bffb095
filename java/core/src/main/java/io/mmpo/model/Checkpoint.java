package io.mmpo.model;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.StoredTensor;
import io.mmpo.nativelib.Tensor;
import io.mmpo.spec.ModelShape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Which tensor of a model's files is which parameter, as transformers 5 decides: names with or without "model.", a tied matrix
 * under either name, and what belongs to no parameter is left out. Where transformers would begin a parameter anew at random, since no
 * file holds it, the files are refused.
 *
 * @param tied whether the output head is the embedding matrix
 * @param notes what the user should know, a line each
 */
record Checkpoint(
        List<SafetensorsReader> readers, Map<String, Parameter> parameters, boolean tied, List<String> notes) {
    /** Buffers that older versions of transformers stored; the configuration gives them. */
    private static final Pattern BUFFER = Pattern.compile("rotary_emb\\.inv_freq");

    private static final Set<String> FLOATS = Set.of("F32", "BF16", "F16");
    private static final int MAX_DIMENSIONS = 2;

    /** A tensor by the parameter's name, which may not be its own. */
    record Parameter(String name, SafetensorsReader.Entry tensor) implements StoredTensor {
        @Override
        public long[] shape() {
            return tensor.shape();
        }

        @Override
        public String dtype() {
            return tensor.dtype();
        }

        @Override
        public void read(long offset, MemorySegment target) {
            tensor.read(offset, target);
        }

        Tensor read(SegmentAllocator memory) {
            Tensor weights = tensor.read(memory);
            return new Tensor(name, weights.shape(), weights.dtype(), weights.data());
        }
    }

    static Checkpoint open(Path directory, ModelShape shape) {
        CheckpointFiles files = CheckpointFiles.open(directory);
        try {
            return new Matching(directory, shape, files).match();
        } catch (RuntimeException | Error e) {
            files.close();
            throw e;
        }
    }

    static void requirePlain(SafetensorsReader.Entry tensor) {
        if (!FLOATS.contains(tensor.dtype())) {
            throw MmpoException.data(
                    "%s: tensor %s has the dtype %s; F32, BF16 or F16 is wanted. Choose a model that is not quantized, or convert it"
                            + " with transformers.",
                    tensor.file(), tensor.name(), tensor.dtype());
        }
        int dimensions = tensor.shape().length;
        if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
            throw MmpoException.data(
                    "%s: tensor %s has %d dimensions; a parameter has one or two. Choose a model of plain layers.",
                    tensor.file(), tensor.name(), dimensions);
        }
    }

    private static final class Matching {
        private final Path directory;
        private final ModelShape shape;
        private final ParameterNames names;
        private final CheckpointFiles files;
        private final Map<String, Parameter> parameters = new LinkedHashMap<>();
        private final List<String> extra = new ArrayList<>();
        private final List<String> twice = new ArrayList<>();
        private final List<String> notes;

        Matching(Path directory, ModelShape shape, CheckpointFiles files) {
            this.directory = directory;
            this.shape = shape;
            this.names = new ParameterNames(shape);
            this.files = files;
            this.notes = new ArrayList<>(files.notes());
        }

        Checkpoint match() {
            for (SafetensorsReader reader : files.readers()) {
                reader.tensors().forEach(this::add);
            }
            boolean tied = shape.tieEmbeddings() && !hasHeadOfItsOwn();
            if (tied) {
                tie();
            } else {
                requireHead();
            }
            requireNoWrapper(tied);
            if (!twice.isEmpty()) {
                notes.add(
                        "%s: %s tensors are stored more than once (%s); the last file's are read, as transformers does"
                                .formatted(directory, twice.size(), ParameterNames.list(twice)));
            }
            if (!extra.isEmpty()) {
                notes.add(
                        "%s: %s tensors belong to no parameter of this model and are left out, as transformers does: %s"
                                .formatted(directory, extra.size(), ParameterNames.list(extra)));
            }
            return new Checkpoint(files.readers(), parameters, tied, List.copyOf(notes));
        }

        private void add(SafetensorsReader.Entry tensor) {
            String name = names.renamed(tensor.name());
            if (!names.contains(name)) {
                if (!BUFFER.matcher(name).find()) {
                    extra.add(tensor.name());
                }
                return;
            }
            requirePlain(tensor);
            if (parameters.put(name, new Parameter(name, tensor)) != null) {
                twice.add(name);
            }
        }

        /** transformers ties only where it can: a head that is stored too, and is another matrix, stays one. */
        private boolean hasHeadOfItsOwn() {
            Parameter head = parameters.get(ParameterNames.HEAD);
            Parameter embedding = parameters.get(ParameterNames.EMBEDDING);
            if (head == null || embedding == null || TensorValues.areEqual(head.tensor(), embedding.tensor())) {
                return false;
            }
            notes.add(
                    ("%s says \"tie_word_embeddings\": true, but %s holds a %s that differs from %s: the two are not tied, as in"
                                    + " transformers. Set the key to false to say so.")
                            .formatted(
                                    directory.resolve(ModelConfig.FILE),
                                    head.tensor().file(),
                                    ParameterNames.HEAD,
                                    ParameterNames.EMBEDDING));
            return true;
        }

        private void tie() {
            Parameter head = parameters.remove(ParameterNames.HEAD);
            if (head != null) {
                parameters.putIfAbsent(
                        ParameterNames.EMBEDDING, new Parameter(ParameterNames.EMBEDDING, head.tensor()));
            }
        }

        private void requireHead() {
            if (!parameters.containsKey(ParameterNames.HEAD) && parameters.containsKey(ParameterNames.EMBEDDING)) {
                throw MmpoException.data(
                        "%s holds no %s, and %s does not say \"tie_word_embeddings\": true: transformers would begin the head at random."
                                + " If the model's head is its embedding matrix, set the key to true; else fetch the model's missing files.",
                        directory, ParameterNames.HEAD, ModelConfig.FILE);
            }
        }

        /** Names that training wrappers have left: transformers finds none of these weights and begins anew. */
        private void requireNoWrapper(boolean tied) {
            for (String stored : extra) {
                String parameter = names.renamed(ParameterNames.unwrapped(stored));
                boolean isRead = parameters.containsKey(parameter)
                        || (tied
                                && parameter.equals(ParameterNames.HEAD)
                                && parameters.containsKey(ParameterNames.EMBEDDING));
                if (names.isWrapped(stored) && !isRead) {
                    throw MmpoException.data(
                            "%s holds the tensor %s where %s is wanted: it was saved with the wrapper of torch.compile, of a parallel"
                                    + " training or of an adapter around the model, and transformers would not find it either. Save the"
                                    + " model inside the wrapper (model._orig_mod, model.module) with save_pretrained, or rename the tensors.",
                            directory, stored, parameter);
                }
            }
        }
    }
}

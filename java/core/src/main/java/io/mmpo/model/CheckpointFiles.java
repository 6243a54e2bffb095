package io.mmpo.model;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The open files of a model's weights. An index says only which files there are: what they hold is read from them, as
 * transformers does, so an index that lists too much or too little changes nothing but a note.
 */
record CheckpointFiles(List<SafetensorsReader> readers, List<String> notes) implements AutoCloseable {
    static CheckpointFiles open(Path directory) {
        CheckpointFiles files = new CheckpointFiles(new ArrayList<>(), new ArrayList<>());
        try {
            files.openIn(directory);
            return files;
        } catch (RuntimeException | Error e) {
            files.close();
            throw e;
        }
    }

    private void openIn(Path directory) {
        Path single = directory.resolve(ModelFiles.WEIGHTS_FILE);
        Path index = directory.resolve(SafetensorsIndex.FILE);
        if (Files.isRegularFile(single)) {
            readers.add(SafetensorsReader.open(single));
            if (Files.isRegularFile(index)) {
                notes.add("%s is read, and the index beside it, %s, is not, as in transformers"
                        .formatted(single, SafetensorsIndex.FILE));
            }
        } else if (Files.isRegularFile(index)) {
            openShards(directory, SafetensorsIndex.read(index));
        } else {
            throw MmpoException.data(
                    "%s holds neither %s nor %s%s",
                    directory, ModelFiles.WEIGHTS_FILE, SafetensorsIndex.FILE, mend(directory));
        }
    }

    private void openShards(Path directory, SafetensorsIndex index) {
        Set<String> found = new HashSet<>();
        List<String> misplaced = new ArrayList<>();
        for (String shard : new TreeSet<>(index.weightMap().values())) {
            SafetensorsReader reader = SafetensorsReader.open(directory.resolve(shard));
            readers.add(reader);
            for (SafetensorsReader.Entry tensor : reader.tensors()) {
                found.add(tensor.name());
                if (!shard.equals(index.weightMap().get(tensor.name()))) {
                    misplaced.add(tensor.name());
                }
            }
        }
        for (Map.Entry<String, String> entry : index.weightMap().entrySet()) {
            if (!found.contains(entry.getKey())) {
                misplaced.add(entry.getKey());
            }
        }
        if (!misplaced.isEmpty()) {
            notes.add(
                    "%s and its files disagree about %s tensors (%s): what the files hold is read, as transformers does"
                            .formatted(index.file(), misplaced.size(), ParameterNames.list(misplaced)));
        }
    }

    /** What is there instead, and what makes safetensors of it. */
    private static String mend(Path directory) {
        List<String> others;
        try (Stream<Path> files = Files.list(directory)) {
            others = files.map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> name.matches(".*\\.(safetensors|bin|pt|pth|gguf|index\\.json)"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            others = List.of();
        }
        String save = "python -c \"from transformers import AutoModelForCausalLM as M; M.from_pretrained('" + directory
                + "').save_pretrained('NEW_DIRECTORY')\"";
        if (others.isEmpty()) {
            return ". Give a model whose weights are stored as safetensors; transformers' save_pretrained writes them so.";
        }
        if (others.stream().anyMatch(name -> name.endsWith(".safetensors"))) {
            return ", but " + ParameterNames.list(others)
                    + ". Shards need their index: fetch the model's missing files. A single file must be called "
                    + ModelFiles.WEIGHTS_FILE + ".";
        }
        return ", but " + ParameterNames.list(others)
                + ", which mmpo does not read (a pickle may hold any program). Convert the model once: " + save
                + " and copy the tokenizer's files.";
    }

    @Override
    public void close() {
        readers.forEach(SafetensorsReader::close);
    }
}

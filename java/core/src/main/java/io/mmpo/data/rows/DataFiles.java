package io.mmpo.data.rows;

import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import io.mmpo.files.IoProblem;
import io.mmpo.files.Utf8;
import io.mmpo.hub.Hub;
import io.mmpo.hub.HubRepository;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** The files that a name stands for: a file, a glob, or the split of a directory or of a data set on a hub. */
public final class DataFiles {
    private static final int MAX_DEPTH = 16;

    private DataFiles() {}

    /**
     * In a fixed order; a failure where there is none.
     *
     * @param messages hears what is fetched from a hub
     */
    public static List<Path> find(String name, Optional<String> config, String split, Consumer<String> messages) {
        Path path = Path.of(name);
        if (Files.isDirectory(path)) {
            return inDirectory(path, config, split);
        }
        if (Files.exists(path)) {
            return List.of(path);
        }
        if (isGlob(name)) {
            return matching(name);
        }
        boolean isFile = DataFormat.isData(name);
        HubRepository repository = HubRepository.parse(HubRepository.Type.DATASET, name)
                .filter(found -> !isFile)
                .orElseThrow(() -> MmpoException.data(
                        "There is no data file %s; give the path of a file (%s), a glob, a directory with files of the split %s, or a data set of"
                                + " a hub as owner/name.",
                        name, DataFormat.NAMES, split));
        return onHub(repository, config, split, Hub.user(messages));
    }

    static List<Path> onHub(HubRepository repository, Optional<String> config, String split, Hub hub) {
        Hub.Snapshot snapshot = hub.find(repository);
        Optional<DatasetCard> card = snapshot.files().contains(DatasetCard.FILE)
                ? card(hub.fetch(snapshot, List.of(DatasetCard.FILE)))
                : Optional.empty();
        List<String> files = requireAny(
                SplitFiles.select(snapshot.files(), card, config, split),
                repository.toString(),
                config,
                split,
                snapshot.files());
        Path directory = hub.fetch(snapshot, files);
        return files.stream().map(directory::resolve).toList();
    }

    private static List<Path> inDirectory(Path directory, Optional<String> config, String split) {
        List<String> files = below(directory).stream()
                .map(file -> directory.relativize(file).toString())
                .toList();
        return requireAny(
                        SplitFiles.select(files, card(directory), config, split),
                        directory.toString(),
                        config,
                        split,
                        files)
                .stream()
                .map(directory::resolve)
                .toList();
    }

    private static List<String> requireAny(
            List<String> found, String name, Optional<String> config, String split, List<String> all) {
        if (found.isEmpty()) {
            throw MmpoException.data(
                    "%s has no data file of the split %s%s: wanted is %s.jsonl, say (%s), or files with %s in their names. Found: %s.",
                    name,
                    split,
                    config.map(value -> " (configuration " + value + ")").orElse(""),
                    split,
                    DataFormat.NAMES,
                    split,
                    all.isEmpty() ? "nothing" : PrintableText.excerpt(String.join(", ", all)));
        }
        return found;
    }

    private static Optional<DatasetCard> card(Path directory) {
        Path file = directory.resolve(DatasetCard.FILE);
        try {
            return Files.isRegularFile(file) && Files.size(file) <= DatasetCard.MAX_BYTES
                    ? DatasetCard.parse(Utf8.read(file), directory.toString())
                    : Optional.empty();
        } catch (IOException e) {
            throw IoProblem.unreadable(file, e);
        }
    }

    private static boolean isGlob(String name) {
        return name.chars().anyMatch(c -> "*?[{".indexOf(c) >= 0);
    }

    private static List<Path> matching(String glob) {
        Path root = Path.of(glob);
        while (root != null && isGlob(root.toString())) {
            root = root.getParent();
        }
        Path start = root == null ? Path.of("") : root;
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + glob);
        List<Path> found = below(start).stream().filter(matcher::matches).toList();
        if (found.isEmpty()) {
            throw MmpoException.data(
                    "There is no file that matches %s; give the path of a file (%s), a glob, or a directory.",
                    glob, DataFormat.NAMES);
        }
        return found;
    }

    /** Every file, sorted. */
    private static List<Path> below(Path directory) {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        try (Stream<Path> paths = Files.walk(directory, MAX_DEPTH)) {
            return paths.filter(Files::isRegularFile).sorted().toList();
        } catch (IOException e) {
            throw IoProblem.unreadable(directory, e);
        }
    }
}

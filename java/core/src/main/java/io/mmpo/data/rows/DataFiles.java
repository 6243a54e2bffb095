package io.mmpo.data.rows;

import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import io.mmpo.files.IoProblem;
import io.mmpo.files.Utf8;
import io.mmpo.hub.Hub;
import io.mmpo.hub.HubRepository;
import java.io.IOException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.FileSystems;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

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
            return inDirectory(path, config, split, messages);
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
        return onHub(repository, config, split, Hub.user(messages), messages);
    }

    static List<Path> onHub(
            HubRepository repository, Optional<String> config, String split, Hub hub, Consumer<String> messages) {
        Hub.Snapshot snapshot = hub.find(repository);
        Optional<DatasetCard> card = snapshot.files().contains(DatasetCard.FILE)
                ? card(hub.fetch(snapshot, List.of(DatasetCard.FILE)))
                : Optional.empty();
        List<String> files = select(snapshot.files(), card, repository.toString(), config, split, messages);
        Path directory = hub.fetch(snapshot, files);
        return files.stream().map(directory::resolve).toList();
    }

    private static List<Path> inDirectory(
            Path directory, Optional<String> config, String split, Consumer<String> messages) {
        List<String> files = below(directory).stream()
                .map(file -> directory.relativize(file).toString())
                .toList();
        requireNotSavedToDisk(directory, files);
        return select(files, card(directory), directory.toString(), config, split, messages).stream()
                .map(directory::resolve)
                .toList();
    }

    /** datasets has another function for these than for all others, too. */
    private static void requireNotSavedToDisk(Path directory, List<String> files) {
        if (files.contains("dataset_dict.json")
                || files.contains("state.json") && files.contains("dataset_info.json")) {
            throw MmpoException.data(
                    "%s is a data set as datasets' save_to_disk leaves it, in Arrow's format, which is not read. Write its splits as Parquet:"
                            + " datasets.load_from_disk(...)['train'].to_parquet('train.parquet'), or without ['train'] where it has no splits.",
                    directory);
        }
    }

    private static List<String> select(
            List<String> files,
            Optional<DatasetCard> card,
            String name,
            Optional<String> config,
            String split,
            Consumer<String> messages) {
        List<String> found = requireAny(SplitFiles.select(files, card, config, split), name, config, split, files);
        List<String> read = SplitFiles.inOneFormat(found);
        if (read.size() < found.size()) {
            List<String> others = new ArrayList<>(found);
            others.removeAll(read);
            messages.accept(
                    "note: of the split " + split + " of " + name + " " + PrintableText.excerpt(String.join(", ", read))
                            + " is read; left out, since it is in another format: "
                            + PrintableText.excerpt(String.join(", ", others)));
        }
        return read;
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

    /** Every file, sorted, behind symbolic links too. */
    private static List<Path> below(Path directory) {
        if (!Files.isDirectory(directory)) {
            return List.of();
        }
        List<Path> files = new ArrayList<>();
        try {
            Files.walkFileTree(
                    directory, EnumSet.of(FileVisitOption.FOLLOW_LINKS), MAX_DEPTH, new SimpleFileVisitor<>() {
                        @Override
                        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                            if (attributes.isRegularFile()) {
                                files.add(file);
                            }
                            return FileVisitResult.CONTINUE;
                        }

                        @Override
                        public FileVisitResult visitFileFailed(Path file, IOException e) throws IOException {
                            if (e instanceof FileSystemLoopException) {
                                return FileVisitResult.CONTINUE; // it was visited on the way there
                            }
                            throw e;
                        }
                    });
        } catch (IOException e) {
            throw IoProblem.unreadable(directory, e);
        }
        files.sort(null);
        return files;
    }
}

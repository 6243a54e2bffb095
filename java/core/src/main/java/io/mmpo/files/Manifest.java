package io.mmpo.files;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** manifest.json: name, size and SHA-256 of every other file of a directory. It is written last, so its presence says complete. */
final class Manifest {
    static final String FILE = "manifest.json";

    private static final int BUFFER_BYTES = 1 << 20;

    private record Content(int version, List<Entry> files) {}

    private record Entry(String name, long size, String sha256) {}

    private Manifest() {}

    static void write(Path directory) throws IOException {
        List<Entry> entries = new ArrayList<>();
        for (Path file : files(directory)) {
            entries.add(new Entry(directory.relativize(file).toString(), Files.size(file), sha256(file)));
        }
        NewFile.write(directory.resolve(FILE), JsonFile.MAPPER.valueToTree(new Content(1, entries)));
    }

    /**
     * Why the directory is not what its manifest says; empty if it is. The manifest must name every file that is there, or it was
     * not written of this directory.
     */
    static Optional<String> problem(Path directory, List<String> needed) {
        Path file = directory.resolve(FILE);
        if (!Files.isRegularFile(file)) {
            return Optional.of(file + " does not exist");
        }
        try {
            Content content = JsonFile.MAPPER.treeToValue(JsonFile.read(file), Content.class);
            if (content.version() != 1
                    || content.files() == null
                    || content.files().contains(null)) {
                return Optional.of(file + " is not a manifest of version 1");
            }
            for (Entry entry : content.files()) {
                Optional<String> problem = problem(directory, entry);
                if (problem.isPresent()) {
                    return problem;
                }
            }
            return notListed(directory, content.files(), needed);
        } catch (IOException | InvalidPathException | MmpoException e) {
            return Optional.of(file + " cannot be checked: " + e.getMessage());
        }
    }

    private static Optional<String> problem(Path directory, Entry entry) throws IOException {
        if (entry.name() == null || entry.sha256() == null) {
            return Optional.of(FILE + " has an entry without a name or a hash");
        }
        Path file = directory.resolve(entry.name()).normalize();
        if (!file.startsWith(directory.normalize())) {
            return Optional.of(FILE + " names " + entry.name() + ", which is outside the directory");
        }
        if (!Files.isRegularFile(file)) {
            return Optional.of(file + " is missing");
        }
        if (Files.size(file) != entry.size()) {
            return Optional.of(file + " has " + Files.size(file) + " bytes, " + entry.size() + " were written");
        }
        return entry.sha256().equals(sha256(file)) ? Optional.empty() : Optional.of(file + " was changed");
    }

    private static Optional<String> notListed(Path directory, List<Entry> entries, List<String> needed)
            throws IOException {
        if (entries.isEmpty()) {
            return Optional.of(directory.resolve(FILE) + " names no file");
        }
        Set<String> listed = entries.stream().map(Entry::name).collect(Collectors.toSet());
        Optional<String> missing =
                needed.stream().filter(name -> !listed.contains(name)).findFirst();
        if (missing.isPresent()) {
            return Optional.of(directory.resolve(FILE) + " does not name " + missing.get() + ", which is needed");
        }
        return files(directory).stream()
                .map(file -> directory.relativize(file).toString())
                .filter(name -> !name.equals(FILE) && !listed.contains(name))
                .findFirst()
                .map(name -> directory.resolve(name) + " is not named in " + FILE);
    }

    /** Every file below the directory, sorted. */
    private static List<Path> files(Path directory) throws IOException {
        try (Stream<Path> paths = Files.walk(directory)) {
            return paths.filter(Files::isRegularFile).sorted().toList();
        }
    }

    private static String sha256(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[BUFFER_BYTES];
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                digest.update(buffer, 0, read);
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}

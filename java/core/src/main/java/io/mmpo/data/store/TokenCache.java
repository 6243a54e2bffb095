package io.mmpo.data.store;

import io.mmpo.MmpoException;
import io.mmpo.data.rows.DataFormat;
import io.mmpo.data.rows.DatasetSource;
import io.mmpo.data.rows.RowShape;
import io.mmpo.data.tokens.DatasetSummary;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.TokenizerInputs;
import io.mmpo.files.IoProblem;
import io.mmpo.files.Unfinished;
import io.mmpo.files.Utf8;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Tokenized data sets on disk, each under a name made from everything that decides its ids. Files appear complete or not at all, so
 * that several runs may use one directory.
 *
 * @param directory of the cache; tokenized rows are in {@code tokens} below it
 * @param modelDirectory where the tokenizer's files are
 * @param chatTemplate a file that takes the place of the model's template
 */
public record TokenCache(Path directory, Path modelDirectory, Optional<Path> chatTemplate) {
    /** Raised whenever the same inputs may give other ids, or the file another layout. */
    private static final String VERSION = "2";

    private static final Duration LEFTOVER_AGE = Duration.ofDays(1);

    /** A store that is being written. path: what it will be called. */
    public record Draft(TokenStore store, Path incomplete, Path path) {
        /** Finishes the store, and gives it its name. */
        public void publish(DatasetSummary summary) {
            store.finish(summary);
            try {
                Unfinished.finish(incomplete, () -> Files.move(incomplete, path, StandardCopyOption.ATOMIC_MOVE));
            } catch (IOException e) {
                throw failed(path, e);
            }
        }

        public void discard() {
            try {
                Files.deleteIfExists(incomplete);
                Unfinished.end(incomplete);
            } catch (IOException e) {
                throw failed(incomplete, e);
            }
        }
    }

    /** What the ids are made from: any change gives another name. */
    public String key(DatasetSource source, RowShape shape, TokenizationOptions options) {
        Fingerprint key = new Fingerprint()
                .add("version", VERSION)
                .add("shape", shape.getClass().getSimpleName())
                .add("options", options.toString())
                .add("columns", new java.util.TreeMap<>(source.columns()).toString());
        for (Path file : TokenizerInputs.of(modelDirectory)) {
            key.add(modelDirectory.relativize(file).toString(), file);
        }
        chatTemplate.ifPresent(file -> key.add("chat_template_path", file));
        if (usesDate()) {
            key.add("date", LocalDate.now(java.time.ZoneId.systemDefault()).toString());
        }
        for (Path file : source.files()) {
            key.add("format", DataFormat.of(file.getFileName().toString()).name());
            key.add("rows", file);
        }
        return key.hex();
    }

    /** Llama 3.2's template tells the model the date. */
    private boolean usesDate() {
        List<Path> files = Stream.concat(chatTemplate.stream(), TokenizerInputs.withTemplates(modelDirectory).stream())
                .filter(Files::isRegularFile)
                .toList();
        for (Path file : files) {
            try {
                if (Utf8.read(file).contains("strftime_now")) {
                    return true;
                }
            } catch (IOException e) {
                throw IoProblem.unreadable(file, e);
            }
        }
        return false;
    }

    /** Empty where there is no complete store of that name. */
    public Optional<TokenStore.Loaded> find(String key) {
        Path file = path(key);
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        try {
            RandomAccessFile open = new RandomAccessFile(file.toFile(), "r");
            Optional<TokenStore.Loaded> loaded = TokenStore.load(open, file);
            if (loaded.isEmpty()) {
                open.close();
                Files.delete(file); // damaged: it is made anew
            } else {
                Files.setLastModifiedTime(file, FileTime.from(Instant.now())); // tells the ones in use from the old
            }
            return loaded;
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    public Draft create(String key) {
        Path file = path(key);
        Path incomplete = file.resolveSibling("." + key + "." + UUID.randomUUID() + ".incomplete");
        try {
            Files.createDirectories(directory.resolve("tokens"));
            removeLeftovers();
            RandomAccessFile open = new RandomAccessFile(incomplete.toFile(), "rw");
            Unfinished.begin(incomplete);
            return new Draft(TokenStore.create(open, incomplete), incomplete, file);
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    /** A store that is gone when it is closed. */
    public static TokenStore temporary() {
        try {
            Path file = Files.createTempFile("mmpo-tokens-", ".bin");
            RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw");
            Files.delete(file); // its space is free once it is closed, however this process ends
            return TokenStore.create(open, file);
        } catch (IOException e) {
            throw failed(Path.of(System.getProperty("java.io.tmpdir")), e);
        }
    }

    /** What killed processes have left. */
    private void removeLeftovers() throws IOException {
        Instant old = Instant.now().minus(LEFTOVER_AGE);
        try (Stream<Path> files = Files.list(directory.resolve("tokens"))) {
            for (Path file : files.filter(path -> path.toString().endsWith(".incomplete"))
                    .toList()) {
                if (Files.getLastModifiedTime(file).toInstant().isBefore(old)) {
                    Files.deleteIfExists(file);
                }
            }
        }
    }

    private Path path(String key) {
        return directory.resolve("tokens").resolve(key + ".tokens");
    }

    private static MmpoException failed(Path path, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "Tokenized rows cannot be kept at %s: %s. Make room, name another directory with cache_dir, or write cache_dir: no.",
                path,
                IoProblem.of(e));
    }
}

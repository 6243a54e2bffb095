package io.mmpo.files;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;

/** Files that did not exist before: whole afterwards, or not there. */
public final class NewFile {
    private NewFile() {}

    public static void write(Path file, JsonNode json) {
        try {
            Files.write(file, JsonFile.MAPPER.writeValueAsBytes(json), StandardOpenOption.CREATE_NEW);
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    public static void copy(Path source, Path target) {
        try (InputStream in = Files.newInputStream(source)) {
            Files.copy(in, target); // not the source's permissions: it may be read-only
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    /** Removes what was begun, unless it was another's. */
    public static RuntimeException failed(Path file, Throwable failure) {
        if (!(failure instanceof FileAlreadyExistsException)) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                failure.addSuppressed(e);
            }
        }
        return switch (failure) {
            case RuntimeException e -> e;
            case Error e -> throw e;
            case IOException e ->
                MmpoException.of(
                        MmpoException.Kind.ENVIRONMENT,
                        e,
                        "%s cannot be written: %s.%s",
                        TemporaryName.withTargets(file.toString()),
                        IoProblem.of(e),
                        freeSpace(file));
            default -> new IllegalStateException(failure);
        };
    }

    private static String freeSpace(Path file) {
        try {
            long bytes = Files.getFileStore(file.toAbsolutePath().getParent()).getUsableSpace();
            return String.format(
                    Locale.ROOT, " %,d MiB are free there. Make room, or write to another place.", bytes >> 20);
        } catch (IOException e) {
            return " Make room, or write to another place.";
        }
    }
}

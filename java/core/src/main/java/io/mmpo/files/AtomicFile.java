package io.mmpo.files;

import io.mmpo.MmpoException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * A text file that appears under its name only when it is complete. It is written beside its target and renamed by
 * {@link #commit}; a device such as /dev/stdout is written directly.
 */
public final class AtomicFile implements AutoCloseable {
    private final Path target;
    private final Path temporary;
    private final BufferedWriter writer;

    private AtomicFile(Path target, Path temporary, BufferedWriter writer) {
        this.target = target;
        this.temporary = temporary;
        this.writer = writer;
    }

    public static AtomicFile create(Path target) {
        boolean isDevice = Files.exists(target) && !Files.isRegularFile(target) && !Files.isDirectory(target);
        Path absolute = target.toAbsolutePath();
        Path temporary = isDevice ? target : absolute.resolveSibling("." + absolute.getFileName() + ".incomplete");
        if (Files.isDirectory(target)) {
            throw MmpoException.environment("%s is a directory; give the path of a file to write", target);
        }
        try {
            return new AtomicFile(target, temporary, Files.newBufferedWriter(temporary));
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    public static void write(Path target, String text) {
        try (AtomicFile file = create(target)) {
            file.append(text);
            file.commit();
        }
    }

    public void append(String text) {
        try {
            writer.write(text);
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    public void commit() {
        try {
            writer.close();
            if (!temporary.equals(target)) {
                try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
                    channel.force(true);
                }
                Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
            }
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    /** Without a commit before it, removes what was written. */
    @Override
    public void close() {
        try {
            writer.close();
        } catch (IOException e) {
            // What could not be written is removed below; the failure that led here has been thrown by append or
            // commit.
        }
        try {
            if (!temporary.equals(target)) {
                Files.deleteIfExists(temporary);
            }
        } catch (IOException e) {
            throw failed(target, e);
        }
    }

    private static MmpoException failed(Path target, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "%s could not be written: %s. Make room, or choose another place; what was there before is unchanged.",
                target,
                e instanceof java.nio.file.FileSystemException f && f.getReason() != null
                        ? f.getReason()
                        : e.toString());
    }
}

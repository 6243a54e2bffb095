package io.mmpo.files;

import io.mmpo.MmpoException;
import java.io.BufferedWriter;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A text file that appears under its name only when it is complete. It is written beside its target and renamed by
 * {@link #commit}. A symbolic link is followed and stays. A device, a FIFO or a descriptor such as /dev/stdout is written directly.
 */
public final class AtomicFile implements AutoCloseable {
    /** A file that is younger may be about to be locked by the process that made it. */
    private static final Duration LEFTOVER_AGE = Duration.ofMinutes(1);

    private final Path name;
    private final OutputPlace place;
    private final Optional<Begun> begun;
    private final BufferedWriter writer;
    private boolean closed;

    /** A file that has a temporary name. Its lock tells it from what a killed process has left. */
    private record Begun(Path temporary, Path target, FileChannel channel) {}

    private AtomicFile(Path name, OutputPlace place, Optional<Begun> begun, OutputStream output) {
        this.name = name;
        this.place = place;
        this.begun = begun;
        this.writer = new BufferedWriter(new OutputStreamWriter(output, StandardCharsets.UTF_8));
    }

    public static AtomicFile create(Path target) {
        try {
            OutputPlace place = OutputPlace.of(target);
            return switch (place) {
                case OutputPlace.File file -> {
                    Begun begun = begin(file.path());
                    yield new AtomicFile(target, place, Optional.of(begun), Channels.newOutputStream(begun.channel()));
                }
                case OutputPlace.Stream stream -> new AtomicFile(target, place, Optional.empty(), open(stream.path()));
                case OutputPlace.Descriptor descriptor ->
                    new AtomicFile(target, place, Optional.empty(), open(descriptor));
            };
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

    private static Begun begin(Path target) throws IOException {
        removeLeftovers(target);
        Path temporary = TemporaryName.beside(target, TemporaryName.INCOMPLETE);
        FileChannel channel = FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        Unfinished.begin(temporary);
        try {
            lock(channel);
            if (Files.isRegularFile(target)) {
                Files.setPosixFilePermissions(temporary, Files.getPosixFilePermissions(target));
            }
        } catch (IOException | UnsupportedOperationException e) {
            // A file system without permissions or locks; the file is written all the same.
        }
        return new Begun(temporary, target, channel);
    }

    /** Null where another process has it. */
    private static @Nullable FileLock lock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock();
        } catch (OverlappingFileLockException e) {
            return null; // another thread of this process
        }
    }

    /** What killed processes have left of this target. */
    private static void removeLeftovers(Path target) throws IOException {
        String prefix = TemporaryName.prefix(target, TemporaryName.INCOMPLETE);
        Instant young = Instant.now().minus(LEFTOVER_AGE);
        try (DirectoryStream<Path> files = Files.newDirectoryStream(
                target.getParent(), path -> path.getFileName().toString().startsWith(prefix))) {
            for (Path file : files) {
                if (Files.isRegularFile(file)
                        && Files.getLastModifiedTime(file).toInstant().isBefore(young)
                        && isNobodys(file)) {
                    Files.deleteIfExists(file);
                }
            }
        }
    }

    private static boolean isNobodys(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            return lock(channel) != null;
        } catch (IOException e) {
            return false;
        }
    }

    private static OutputStream open(Path stream) throws IOException {
        return Files.newOutputStream(stream, StandardOpenOption.WRITE);
    }

    /** Standard output and error go on where the process's other output stands, in a file that they are redirected to as well. */
    private static OutputStream open(OutputPlace.Descriptor descriptor) throws IOException {
        return switch (descriptor.number()) {
            case 1 -> new FileOutputStream(FileDescriptor.out);
            case 2 -> new FileOutputStream(FileDescriptor.err);
            default -> {
                OpenOption append =
                        Files.isRegularFile(descriptor.path()) ? StandardOpenOption.APPEND : StandardOpenOption.WRITE;
                yield Files.newOutputStream(descriptor.path(), append);
            }
        };
    }

    public void append(String text) {
        try {
            writer.write(text);
        } catch (IOException e) {
            throw failed(name, e);
        }
    }

    public void commit() {
        try {
            writer.flush();
            if (begun.isPresent()) {
                Begun file = begun.get();
                file.channel().force(true);
                Unfinished.finish(
                        file.temporary(),
                        () -> Files.move(file.temporary(), file.target(), StandardCopyOption.ATOMIC_MOVE));
            }
            closeOutput();
        } catch (IOException e) {
            throw failed(name, e);
        }
    }

    /** Without a commit before it, removes what was written to a file. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        try {
            if (begun.isPresent()) {
                Files.deleteIfExists(begun.get().temporary());
                Unfinished.end(begun.get().temporary());
            }
        } catch (IOException e) {
            throw failed(name, e);
        } finally {
            try {
                closeOutput();
            } catch (IOException e) {
                // What could not be written has been removed; the failure that led here was thrown by append or commit.
            }
        }
    }

    private void closeOutput() throws IOException {
        closed = true;
        boolean isShared = place instanceof OutputPlace.Descriptor descriptor && descriptor.number() <= 2;
        if (isShared) {
            writer.flush();
        } else {
            writer.close();
        }
    }

    private static MmpoException failed(Path target, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "%s could not be written: %s. Make room, or choose another place; a file that was there before is unchanged.",
                target,
                IoProblem.of(e));
    }
}

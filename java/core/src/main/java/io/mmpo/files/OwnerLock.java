package io.mmpo.files;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Says that this process alone writes to a place. It is a lock of the operating system's on a small file there, so it ends with
 * its owner, however that ends; the file's text names the owner to whoever comes second.
 */
public final class OwnerLock implements AutoCloseable {
    /** In a directory that is locked. */
    public static final String FILE = ".mmpo.lock";

    private static final int MAX_OWNER_BYTES = 1024;

    /** Owners by file: the operating system's locks are a process's, and do not keep its own threads apart. */
    private static final Map<Path, String> HELD = new ConcurrentHashMap<>();

    private final Path file;
    private final Optional<FileChannel> channel;
    private final Deque<Path> made;
    private boolean closed;

    private OwnerLock(Path file, Optional<FileChannel> channel, Deque<Path> made) {
        this.file = file;
        this.channel = channel;
        this.made = made;
    }

    /**
     * Of a directory, which is made where it does not exist, and removed again if it is empty at the end.
     *
     * @param what the directory's name in messages: "output_dir runs/a"
     * @param messages hears where the file system has no locks
     */
    public static OwnerLock ofDirectory(Path directory, String what, Consumer<String> messages) {
        Deque<Path> made = new ArrayDeque<>();
        for (Path missing = directory.toAbsolutePath();
                missing != null && !Files.exists(missing);
                missing = missing.getParent()) {
            made.addLast(missing);
        }
        try {
            Files.createDirectories(directory);
            return hold(directory.toRealPath().resolve(FILE), what, made, messages);
        } catch (IOException e) {
            throw failed(what, e);
        }
    }

    /** Of a directory that does not exist and will appear at once: the lock is beside it. */
    public static OwnerLock beside(Path target, String what, Consumer<String> messages) {
        Path absolute = target.toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        if (parent == null) {
            throw MmpoException.configuration("%s is the root directory; give another one", what);
        }
        try {
            Files.createDirectories(parent);
            return hold(
                    parent.toRealPath().resolve("." + absolute.getFileName() + ".lock"),
                    what,
                    new ArrayDeque<>(),
                    messages);
        } catch (IOException e) {
            throw failed(what, e);
        }
    }

    /** file: without symbolic links on its way, so that it has one name. */
    private static OwnerLock hold(Path file, String what, Deque<Path> made, Consumer<String> messages)
            throws IOException {
        String owner = thisProcess();
        String other = HELD.putIfAbsent(file, owner);
        if (other != null) {
            throw inUse(what, other);
        }
        try {
            return new OwnerLock(file, lock(file, what, owner, messages), made);
        } catch (IOException | RuntimeException | Error e) {
            HELD.remove(file);
            removeEmpty(made);
            throw e;
        }
    }

    /** Empty where the file system has no locks. */
    private static Optional<FileChannel> lock(Path file, String what, String owner, Consumer<String> messages)
            throws IOException {
        while (true) {
            FileChannel channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            boolean keep = false;
            try {
                Object opened = identity(file);
                if (!tryLock(channel, what, messages)) {
                    return Optional.empty();
                }
                // An owner that ended meanwhile has removed the file, and the lock is on nothing: begin again.
                if (opened != null && opened.equals(identity(file))) {
                    Unfinished.begin(file);
                    channel.truncate(0);
                    channel.write(ByteBuffer.wrap(owner.getBytes(StandardCharsets.UTF_8)), 0);
                    keep = true;
                    return Optional.of(channel);
                }
            } finally {
                if (!keep) {
                    channel.close();
                }
            }
        }
    }

    private static boolean tryLock(FileChannel channel, String what, Consumer<String> messages) throws IOException {
        boolean locked;
        try {
            locked = channel.tryLock() != null;
        } catch (IOException e) {
            messages.accept(
                    "warning: the file system of " + what + " has no file locks (" + IoProblem.of(e)
                            + "; NFS and Lustre may be mounted so): nothing keeps a second process from writing there, so start none");
            return false;
        }
        if (!locked) {
            throw inUse(what, owner(channel));
        }
        return true;
    }

    /** Null where there is no such file. */
    private static @Nullable Object identity(Path file) throws IOException {
        try {
            return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
        } catch (NoSuchFileException e) {
            return null;
        }
    }

    private static String thisProcess() throws IOException {
        ProcessHandle process = ProcessHandle.current();
        Path hostName = Path.of("/proc/sys/kernel/hostname");
        String host = Files.isReadable(hostName) ? Files.readString(hostName).strip() : "this machine";
        Instant start = process.info().startInstant().orElseGet(Instant::now).truncatedTo(ChronoUnit.SECONDS);
        return "process " + process.pid() + " on " + host + ", started " + start;
    }

    private static String owner(FileChannel channel) throws IOException {
        ByteBuffer text = ByteBuffer.allocate(MAX_OWNER_BYTES);
        channel.read(text, 0);
        String owner = new String(text.array(), 0, text.position(), StandardCharsets.UTF_8);
        return owner.isBlank() ? "a process that has just begun" : owner;
    }

    private static MmpoException inUse(String what, String owner) {
        return MmpoException.environment(
                "%s is being written by another mmpo: %s. Wait until that ends, or choose another directory; two at once would mix their"
                        + " files.",
                what, owner);
    }

    private static MmpoException failed(String what, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "%s cannot be written: %s. Choose another directory, or change its permissions.",
                what,
                IoProblem.ofDirectory(e));
    }

    private static void removeEmpty(Deque<Path> directories) {
        try {
            for (Path directory : directories) {
                Files.deleteIfExists(directory);
            }
        } catch (DirectoryNotEmptyException e) {
            // It has been used.
        } catch (IOException e) {
            // An empty directory stays, which harms nobody.
        }
    }

    /** Idempotent. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            if (channel.isPresent()) {
                Files.deleteIfExists(file); // while it is locked: whoever has opened it sees that it is gone
                channel.get().close();
            }
        } catch (IOException e) {
            // The lock ends with the process; its file without a lock says nothing.
        }
        Unfinished.end(file);
        HELD.remove(file);
        removeEmpty(made);
    }
}

package io.mmpo.files;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.JarURLConnection;
import java.net.URL;
import java.net.URLConnection;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.jar.JarEntry;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * A file of a jar that must lie on the disk, such as a shared library: one copy in a cache, whichever processes ask for it, and
 * nothing more is left when one of them is killed.
 */
public final class UnpackedFile {
    private static final int BUFFER_BYTES = 1 << 20;
    private static final String LOCK = ".lock";
    private static final Object ONE_AT_A_TIME = new Object(); // a file lock is held by the whole JVM

    private UnpackedFile() {}

    private record Content(long size, long crc) {
        String directory() {
            return String.format(Locale.ROOT, "%08x-%d", crc, size);
        }
    }

    /** Its path below the cache: other content has another one. */
    public static Path of(Path cache, String name, URL resource) throws IOException {
        Content content = content(resource);
        Path target = cache.resolve(content.directory()).resolve(name);
        if (isWhole(target, content)) {
            return target;
        }
        Files.createDirectories(target.getParent());
        synchronized (ONE_AT_A_TIME) {
            try (FileChannel channel = FileChannel.open(
                            target.resolveSibling(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                    FileLock held = lock(channel)) {
                if (!isWhole(target, content)) {
                    removeLeftovers(target); // whoever wrote them is gone, since the lock is ours
                    unpack(resource, target);
                }
            }
        }
        return target;
    }

    /** Null where the file system has none: then a file may be unpacked twice, and the last one stays. */
    private static @Nullable FileLock lock(FileChannel channel) {
        try {
            return channel.lock();
        } catch (IOException e) {
            return null;
        }
    }

    private static void unpack(URL resource, Path target) throws IOException {
        Path temporary = TemporaryName.beside(target, TemporaryName.INCOMPLETE);
        Unfinished.begin(temporary);
        try {
            try (InputStream in = resource.openStream()) {
                Files.copy(in, temporary);
            }
            try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.WRITE)) {
                channel.force(true);
            }
            Unfinished.finish(temporary, () -> Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE));
        } finally {
            Files.deleteIfExists(temporary);
            Unfinished.end(temporary);
        }
    }

    private static void removeLeftovers(Path target) throws IOException {
        String prefix = TemporaryName.prefix(target, TemporaryName.INCOMPLETE);
        try (DirectoryStream<Path> files = Files.newDirectoryStream(
                target.getParent(), path -> path.getFileName().toString().startsWith(prefix))) {
            for (Path file : files) {
                Files.deleteIfExists(file);
            }
        }
    }

    private static boolean isWhole(Path file, Content content) throws IOException {
        return Files.isRegularFile(file)
                && Files.size(file) == content.size()
                && content(Files.newInputStream(file)).equals(content);
    }

    /** A jar's directory knows it; anything else is read. */
    private static Content content(URL resource) throws IOException {
        URLConnection connection = resource.openConnection();
        if (connection instanceof JarURLConnection jar) {
            JarEntry entry = jar.getJarEntry();
            if (entry != null && entry.getSize() >= 0 && entry.getCrc() >= 0) {
                return new Content(entry.getSize(), entry.getCrc());
            }
        }
        return content(connection.getInputStream());
    }

    private static Content content(InputStream input) throws IOException {
        try (InputStream in = new BufferedInputStream(input)) {
            CRC32 crc = new CRC32();
            byte[] buffer = new byte[BUFFER_BYTES];
            long size = 0;
            for (int read = in.read(buffer); read >= 0; read = in.read(buffer)) {
                crc.update(buffer, 0, read);
                size += read;
            }
            return new Content(size, crc.getValue());
        }
    }
}

package io.mmpo.hub;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * Fetches one file into the cache: it grows as {@code blobs/<etag>.incomplete}, which a later run goes on with, and takes its name
 * when its hash is right. One process of this program at a time fetches a file.
 */
final class HubDownload {
    private static final int MAX_BREAKS = 5;
    private static final int BUFFER_BYTES = 1 << 16;
    private static final Object ONE_AT_A_TIME = new Object(); // a file lock is held by the whole JVM

    private final HubClient client;
    private final HubCache cache;

    HubDownload(HubClient client, HubCache cache) {
        this.client = client;
        this.cache = cache;
    }

    /** progress: bytes of the file that are there. */
    void fetch(URI uri, HubFile file, LongConsumer progress) throws IOException {
        Path blob = cache.blob(file.etag());
        Path lock = cache.lock(file.etag());
        synchronized (ONE_AT_A_TIME) {
            try (FileChannel channel = openLock(lock);
                    FileLock held = channel.lock()) {
                if (!held.isValid() || isThere(blob, file)) {
                    return;
                }
                Path incomplete = blob.resolveSibling(blob.getFileName() + ".incomplete");
                complete(uri, file, incomplete, progress);
                if (!file.matches(incomplete)) {
                    Files.delete(incomplete);
                    throw MmpoException.data(
                            "%s came with another content than the hub promised (its hash is not %s), and was thrown away. Run again to fetch it"
                                    + " anew; if that does not help, the hub at %s is broken.",
                            file.name(), file.etag(), uri.getHost());
                }
                Files.move(incomplete, blob, StandardCopyOption.ATOMIC_MOVE);
            }
        }
    }

    private static FileChannel openLock(Path lock) {
        try {
            Files.createDirectories(lock.getParent());
            return FileChannel.open(lock, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw HubCache.failed(lock, e);
        }
    }

    private static boolean isThere(Path blob, HubFile file) throws IOException {
        return Files.isRegularFile(blob) && Files.size(blob) == file.size();
    }

    private void complete(URI uri, HubFile file, Path incomplete, LongConsumer progress) throws IOException {
        Files.createDirectories(incomplete.getParent());
        int breaks = 0;
        while (true) {
            long have = Files.exists(incomplete) ? Files.size(incomplete) : 0;
            if (have > file.size()) {
                Files.delete(incomplete);
                have = 0;
            }
            if (have == file.size() && Files.exists(incomplete)) {
                return;
            }
            try {
                append(uri, file, incomplete, have, progress);
            } catch (BrokenTransfer e) {
                long now = Files.exists(incomplete) ? Files.size(incomplete) : 0;
                breaks = now > have ? 1 : breaks + 1; // as long as something comes, it goes on
                if (breaks >= MAX_BREAKS) {
                    throw e;
                }
                client.pause(100L << breaks);
            }
        }
    }

    private static final class BrokenTransfer extends IOException {
        private static final long serialVersionUID = 1L;

        BrokenTransfer(String message) {
            super(message);
        }

        BrokenTransfer(IOException cause) {
            super(cause.getMessage(), cause);
        }
    }

    private void append(URI uri, HubFile file, Path incomplete, long have, LongConsumer progress) throws IOException {
        Map<String, String> range = have > 0 ? Map.of("Range", "bytes=" + have + "-") : Map.of();
        HttpResponse<InputStream> response = client.send("GET", uri, range, true);
        try (InputStream body = response.body();
                StallGuard guard = StallGuard.on(body)) {
            int status = response.statusCode();
            boolean goesOn = status == 206
                    && response.headers()
                            .firstValue("Content-Range")
                            .filter(text -> text.startsWith("bytes " + have + "-"))
                            .isPresent();
            if (status != 200 && !goesOn) {
                if (have > 0) {
                    Files.delete(incomplete); // the part that is there is of no use to this server
                    throw new BrokenTransfer("the server does not go on at byte " + have);
                }
                throw Hub.refused(response, file.name());
            }
            try (OutputStream out = Files.newOutputStream(
                    incomplete,
                    StandardOpenOption.CREATE,
                    goesOn ? StandardOpenOption.APPEND : StandardOpenOption.TRUNCATE_EXISTING,
                    StandardOpenOption.WRITE)) {
                copy(
                        body,
                        out,
                        file.size() - (goesOn ? have : 0),
                        guard,
                        done -> progress.accept((goesOn ? have : 0) + done));
            }
        }
    }

    /** No more than was promised: a body without end must not fill the disk. */
    private static void copy(InputStream body, OutputStream out, long limit, StallGuard guard, LongConsumer progress)
            throws IOException {
        byte[] buffer = new byte[BUFFER_BYTES];
        long done = 0;
        while (done < limit) {
            int read;
            try {
                read = body.read(buffer, 0, (int) Math.min(buffer.length, limit - done));
            } catch (IOException e) {
                throw new BrokenTransfer(e);
            }
            if (read < 0) {
                throw new BrokenTransfer("the connection ended after " + done + " of " + limit + " bytes");
            }
            out.write(buffer, 0, read);
            done += read;
            guard.progressed();
            progress.accept(done);
        }
    }
}

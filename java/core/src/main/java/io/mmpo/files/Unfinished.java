package io.mmpo.files;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * What this process has begun to write under a temporary name. Where the process is ended by a signal in between, it is removed;
 * what SIGKILL leaves is removed by whoever writes there next.
 */
public final class Unfinished {
    private static final int ATTEMPTS = 20; // another thread may still add files to a directory
    private static final Set<Path> PATHS = ConcurrentHashMap.newKeySet();
    private static boolean ending; // guarded by the class

    static {
        try {
            Runtime.getRuntime().addShutdownHook(new Thread(Unfinished::removeAll, "mmpo-unfinished"));
        } catch (IllegalStateException e) {
            ending = true; // the process is being ended
        }
    }

    private Unfinished() {}

    public static void begin(Path path) {
        PATHS.add(path);
    }

    /** The path has been removed, or is another's now. */
    public static void end(Path path) {
        PATHS.remove(path);
    }

    /** What gives a path its name. */
    public interface Rename {
        void run() throws IOException;
    }

    /** Gives the path its name: it is either there whole, or removed, however the process ends. */
    public static void finish(Path path, Rename rename) throws IOException {
        synchronized (Unfinished.class) {
            if (!ending) {
                rename.run();
                PATHS.remove(path);
                return;
            }
        }
        while (true) {
            LockSupport.park(); // the process is about to be gone
        }
    }

    private static void removeAll() {
        synchronized (Unfinished.class) {
            ending = true;
        }
        for (Path path : PATHS) {
            for (int i = 0; i < ATTEMPTS && !removed(path); i++) {
                LockSupport.parkNanos(1_000_000);
            }
        }
    }

    private static boolean removed(Path root) {
        try (Stream<Path> paths = Files.walk(root)) {
            for (Path path : paths.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(path);
            }
            return true;
        } catch (IOException | java.io.UncheckedIOException e) {
            return !Files.exists(root);
        }
    }
}

package io.mmpo.train;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Memory of this process as Linux counts it. */
final class ProcessMemory {
    private ProcessMemory() {}

    /** The largest resident set so far, or -1 where /proc does not say. */
    static long peakBytes() {
        return status("VmHWM:");
    }

    static long residentBytes() {
        return status("VmRSS:");
    }

    private static long status(String field) {
        try (var lines = Files.lines(Path.of("/proc/self/status"))) {
            return lines.filter(line -> line.startsWith(field))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
                    .findFirst()
                    .orElse(-1);
        } catch (IOException e) {
            return -1;
        }
    }
}

package io.mmpo.dist;

import io.mmpo.MmpoException;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.IoProblem;
import io.mmpo.nativelib.Collectives;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The last exchanges of a rank, in a file that a run leaves when one of them has failed: beside those of the other ranks it shows who lacks
 * in which.
 */
final class ExchangeFile {
    private final Path path;

    ExchangeFile(Path outputDirectory, int rank) {
        path = directory(outputDirectory).resolve("rank-" + rank + ".tsv");
    }

    static Path directory(Path outputDirectory) {
        return outputDirectory.resolve("exchanges");
    }

    /** What an earlier run of the directory left would be taken for this one's. */
    void removeEarlier() {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT, e, "%s cannot be removed: %s.", path, IoProblem.of(e));
        }
    }

    /** Returns a sentence that says where it is, or why it is not. */
    String write() {
        try {
            Files.createDirectories(path.getParent());
            AtomicFile.write(path, Collectives.lastExchanges());
            return "The last exchanges of this rank are in %s, those of the others beside it.".formatted(path);
        } catch (IOException | RuntimeException e) {
            return "The last exchanges of this rank could not be written to %s: %s."
                    .formatted(path, e instanceof IOException io ? IoProblem.of(io) : e.getMessage());
        }
    }
}

package io.mmpo.train;

import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.store.Fingerprint;
import io.mmpo.data.store.ReferenceParts;
import io.mmpo.model.ModelSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reference log-probabilities on disk, under a name made from the model's files, the compute type and the inputs
 * of the tokenized rows. Without a directory nothing is kept.
 */
final class ReferenceCache {
    /** Raised whenever the same inputs may give other values. */
    private static final String VERSION = "1";

    private static final int ROWS_A_PART = 4096;
    private static final long MAX_NANOS_A_PART = 60_000_000_000L;

    private final Optional<ReferenceParts> parts;
    private final List<ReferenceParts.Entry> waiting = new ArrayList<>();
    private long lastWriteNanos = System.nanoTime();

    private ReferenceCache(Optional<ReferenceParts> parts) {
        this.parts = parts;
    }

    /** modelDirectories: of the model that scores, and of its adapter. computeType: the one it scores in. ldAlpha: {@link ReferenceScorer}'s. */
    static ReferenceCache of(
            Optional<Path> cacheDirectory,
            List<Path> modelDirectories,
            String computeType,
            double ldAlpha,
            TokenizedDataset data) {
        if (cacheDirectory.isEmpty() || data.fingerprint().isEmpty()) {
            return new ReferenceCache(Optional.empty());
        }
        Fingerprint key = new Fingerprint()
                .add("version", VERSION)
                .add("rows", data.fingerprint().get())
                .add("compute type", computeType);
        if (ldAlpha != 1) {
            key.add("ld_alpha", Double.toString(ldAlpha));
        }
        for (Path model : modelDirectories) {
            ModelSource.filesOf(model)
                    .forEach(file -> key.add(file.getFileName().toString(), file));
        }
        Path directory = cacheDirectory.get().resolve("reference").resolve(key.hex());
        return new ReferenceCache(Optional.of(new ReferenceParts(directory)));
    }

    /** Where the values are kept; empty where they are not. */
    Optional<Path> directory() {
        return parts.map(ReferenceParts::directory);
    }

    /** What is known, in no order; groups may be any numbers. */
    List<ReferenceParts.Entry> read() {
        return parts.map(ReferenceParts::read).orElse(List.of()).stream()
                .filter(entry -> Double.isFinite(entry.chosen()) && Double.isFinite(entry.rejected()))
                .toList();
    }

    /** Keeps values of a pair; they reach the disk some rows or seconds later, or with {@link #flush}. */
    void add(int group, int row, double[] logps) {
        if (parts.isPresent()) {
            waiting.add(new ReferenceParts.Entry(group, row, logps[0], logps[1]));
            if (waiting.size() >= ROWS_A_PART || System.nanoTime() - lastWriteNanos > MAX_NANOS_A_PART) {
                flush();
            }
        }
    }

    void flush() {
        parts.ifPresent(kept -> kept.append(waiting));
        waiting.clear();
        lastWriteNanos = System.nanoTime();
    }

    /** Forgets everything: the values are not those of this model. */
    void clear() {
        parts.ifPresent(ReferenceParts::clear);
    }
}

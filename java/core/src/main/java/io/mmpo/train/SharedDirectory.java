package io.mmpo.train;

import io.mmpo.dist.Ranks;
import io.mmpo.files.AtomicDirectory;
import java.nio.file.Path;
import java.util.Optional;

/** An {@link AtomicDirectory} of the first rank that all ranks write files into, on a file system that all of them see. */
final class SharedDirectory implements AutoCloseable {
    private final Ranks ranks;
    private final Optional<AtomicDirectory> own;
    private final Path path;

    private SharedDirectory(Ranks ranks, Optional<AtomicDirectory> own, Path path) {
        this.ranks = ranks;
        this.own = own;
        this.path = path;
    }

    static SharedDirectory create(Path target, Ranks ranks) {
        Optional<AtomicDirectory> own =
                ranks.isFirst() ? Optional.of(AtomicDirectory.create(target)) : Optional.empty();
        try {
            String path = ranks.ofFirst(
                    () -> own.orElseThrow().path().toString(), "the beginning of " + target.getFileName());
            return new SharedDirectory(ranks, own, Path.of(path));
        } catch (RuntimeException | Error e) {
            own.ifPresent(AtomicDirectory::close);
            throw e;
        }
    }

    /** Where to write the files. */
    Path path() {
        return path;
    }

    /** Waits for all ranks' files; the first rank makes the manifest of all, which is written last. */
    void commit() {
        ranks.await("the files of a checkpoint");
        own.ifPresent(AtomicDirectory::commit);
        ranks.await("the end of a checkpoint");
    }

    @Override
    public void close() {
        own.ifPresent(AtomicDirectory::close);
    }
}

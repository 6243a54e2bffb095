package io.mmpo.cli;

import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Standard output, which remembers that something could not be written: a PrintWriter keeps quiet about it. */
final class StandardOutput extends FilterOutputStream {
    private volatile @Nullable IOException first;

    StandardOutput(OutputStream out) {
        super(out);
    }

    @Override
    public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        try {
            out.write(bytes, offset, length);
        } catch (IOException e) {
            first = first == null ? e : first;
            throw e;
        }
    }

    /** What was lost; nothing is where the reader has gone (mmpo ... | head) or where there never was one (>&-). */
    Optional<MmpoException> failure() {
        return Optional.ofNullable(first)
                .filter(e -> !String.valueOf(e.getMessage()).matches("Broken pipe|Bad file descriptor"))
                .map(e -> MmpoException.of(
                        MmpoException.Kind.ENVIRONMENT,
                        e,
                        "Standard output could not be written: %s. What was printed is not all there: make room, or send it elsewhere. The files"
                                + " that the command wrote are complete.",
                        IoProblem.of(e)));
    }
}

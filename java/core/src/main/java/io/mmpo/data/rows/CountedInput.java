package io.mmpo.data.rows;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** Counts the bytes that are read, by one thread; any may ask for them. */
final class CountedInput extends FilterInputStream {
    private volatile long bytes;

    CountedInput(InputStream in) {
        super(in);
    }

    long bytes() {
        return bytes;
    }

    @Override
    public int read() throws IOException {
        int read = super.read();
        count(read < 0 ? 0 : 1);
        return read;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
        int read = super.read(buffer, offset, length);
        count(Math.max(0, read));
        return read;
    }

    @SuppressWarnings("NonAtomicOperationOnVolatileField") // one thread reads
    private void count(int more) {
        bytes += more;
    }
}

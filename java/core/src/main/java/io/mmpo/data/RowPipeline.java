package io.mmpo.data;

import io.mmpo.MmpoException;
import io.mmpo.data.rows.DatasetSource;
import io.mmpo.data.rows.RowFile;
import io.mmpo.data.rows.RowShape;
import io.mmpo.data.store.TokenCache;
import io.mmpo.data.store.TokenStore;
import io.mmpo.data.tokens.DatasetSummary;
import io.mmpo.data.tokens.RowTokenizer;
import io.mmpo.data.tokens.SummaryCounts;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.data.tokens.Tokenizer;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One thread reads the files' rows, others tokenize them, and the groups are kept in the order of the files. Rows that are read
 * but not yet kept hold a bounded amount of memory; kept ones are in a file, which is the cache's where there is one.
 */
final class RowPipeline implements TokenizedDataset {
    static final int MAX_KIB_IN_FLIGHT = 64 << 10;
    private static final AtomicInteger NAMES = new AtomicInteger();

    private final DatasetSource source;
    private final RowShape shape;
    private final RowTokenizer rowTokenizer;
    private final TokenizationOptions options;
    private final Optional<TokenCache> cache;
    private final ExecutorService workers;
    private final Thread reader;
    private final int maxKibInFlight;
    private final Semaphore kibInFlight;

    // Guarded by this.
    private @Nullable TokenStore store;
    private Optional<TokenCache.Draft> draft = Optional.empty();
    private Optional<DatasetSummary> summary = Optional.empty();
    private Optional<String> fingerprint = Optional.empty();
    private int rowsTokenized;
    private final Map<Integer, Processed> early = new HashMap<>();
    private final SummaryCounts counts = new SummaryCounts();
    private int nextRow;
    private int numRows = -1; // unknown until the end of the file
    private boolean closed;
    private long bytesOfEndedFiles;
    private @Nullable RowFile openFile;
    private Optional<RuntimeException> error = Optional.empty();

    /** kib: what the row holds of kibInFlight until it is kept. */
    private record Processed(RowTokenizer.Outcome outcome, int kib) {}

    /** maxKibInFlight: of rows that are read and not yet kept; a larger row is alone. */
    RowPipeline(
            DatasetSource source,
            RowShape shape,
            Supplier<Tokenizer> tokenizer,
            TokenizationOptions options,
            Optional<TokenCache> cache,
            int maxKibInFlight) {
        source.requireKnown(shape);
        source.files().forEach(RowFile::requireFile);
        this.source = source;
        this.shape = shape;
        this.rowTokenizer = new RowTokenizer(source, shape, tokenizer, options);
        this.options = options;
        this.cache = cache;
        this.maxKibInFlight = maxKibInFlight;
        this.kibInFlight = new Semaphore(maxKibInFlight);
        String name = "mmpo-data-" + NAMES.incrementAndGet();
        int numWorkers = Runtime.getRuntime().availableProcessors();
        this.workers = Executors.newFixedThreadPool(
                numWorkers,
                Thread.ofPlatform().daemon().name(name + "-tokenize-", 0).factory());
        this.reader = Thread.ofPlatform().daemon().name(name + "-read").unstarted(this::readAll);
        reader.start();
    }

    private void readAll() {
        int row = 0;
        try {
            if (openStore()) {
                return;
            }
            for (Supplier<RowFile> file : source.readers(shape)) {
                row = read(file, row);
            }
            endOfFile(row);
        } catch (InterruptedException | RejectedExecutionException e) {
            Thread.currentThread().interrupt(); // closed
        } catch (ReadFailure e) {
            deliver(e.row, new Processed(rowTokenizer.failed(e.reason), 0));
        } catch (Throwable e) {
            deliver(0, new Processed(rowTokenizer.failed(e), 0));
        }
    }

    /** True where the rows were found tokenized, so that none need be read. */
    private boolean openStore() {
        if (cache.isEmpty()) {
            TokenStore temporary = TokenCache.temporary();
            synchronized (this) {
                store = temporary;
            }
            return false;
        }
        String key = cache.get().key(source, shape, options);
        Optional<TokenStore.Loaded> found = cache.get().find(key);
        Optional<TokenCache.Draft> begun =
                found.isPresent() ? Optional.empty() : Optional.of(cache.get().create(key));
        synchronized (this) {
            fingerprint = Optional.of(key);
            draft = begun;
            store = found.map(TokenStore.Loaded::store)
                    .orElseGet(() -> begun.orElseThrow().store());
            summary = found.map(TokenStore.Loaded::summary);
            summary.ifPresent(known -> {
                numRows = known.rows();
                nextRow = numRows;
                workers.shutdown();
                notifyAll();
            });
        }
        return found.isPresent();
    }

    /** The number of rows with this file's, of which there were {@code first} before it. */
    private int read(Supplier<RowFile> file, int first) throws InterruptedException {
        int row = first;
        try (RowFile rows = file.get()) {
            synchronized (this) {
                openFile = rows;
            }
            for (Optional<RowFile.Row> next = rows.next(); next.isPresent(); next = rows.next()) {
                submit(row, next.get());
                row++;
            }
            synchronized (this) {
                openFile = null;
                bytesOfEndedFiles += rows.bytes();
            }
            return row;
        } catch (InterruptedException | RejectedExecutionException e) {
            throw e;
        } catch (Throwable e) { // whatever it is, it must reach whoever waits for the row
            throw new ReadFailure(row, e);
        }
    }

    /** What stopped the reading, at which row. */
    private static final class ReadFailure extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final int row;
        private final transient Throwable reason;

        ReadFailure(int row, Throwable reason) {
            super(reason);
            this.row = row;
            this.reason = reason;
        }
    }

    private void submit(int row, RowFile.Row content) throws InterruptedException {
        int kib = Math.min(maxKibInFlight, 1 + (content.bytes() >> 10));
        kibInFlight.acquire(kib);
        workers.execute(() -> deliver(row, new Processed(rowTokenizer.tokenize(content), kib)));
    }

    /** Keeps rows in the order of the files; those that come early wait. */
    private synchronized void deliver(int row, Processed processed) {
        early.put(row, processed);
        try {
            for (Processed next = early.remove(nextRow);
                    next != null && error.isEmpty();
                    next = early.remove(nextRow)) {
                switch (next.outcome()) {
                    case RowTokenizer.Outcome.Failed failed -> fail(failed.error());
                    case RowTokenizer.Outcome.Done done -> keep(done);
                }
                kibInFlight.release(next.kib());
            }
            checkEnd();
        } catch (RuntimeException e) {
            fail(e);
        }
        notifyAll();
    }

    private void keep(RowTokenizer.Outcome.Done row) {
        counts.add(row);
        if (row.isKept()) {
            store().append(nextRow, row.prompt(), row.completions());
        }
        rowsTokenized++;
        nextRow++;
    }

    private TokenStore store() {
        return Objects.requireNonNull(store, "rows come after the store is opened");
    }

    private synchronized void endOfFile(int rowsRead) {
        numRows = rowsRead;
        try {
            checkEnd();
        } catch (RuntimeException e) {
            fail(e);
        }
        notifyAll();
    }

    private void checkEnd() {
        if (!isFinished() || error.isPresent()) {
            return;
        }
        workers.shutdown();
        DatasetSummary all = counts.summary(
                IntStream.range(0, store().size()).map(store()::numTokens).toArray());
        if (store().size() == 0) {
            fail(nothing(all));
        } else {
            summary = Optional.of(all);
            draft.ifPresent(finished -> finished.publish(all));
            draft = Optional.empty();
        }
    }

    private MmpoException nothing(DatasetSummary all) {
        return numRows == 0
                ? MmpoException.data("%s has no rows. Rows are %s.", source.name(), shape.accepted())
                : MmpoException.data(
                        "%s has no row that can be used: %s. Raise the limits, or correct the data.",
                        source.name(), all);
    }

    private boolean isFinished() {
        return nextRow == numRows;
    }

    private void fail(RuntimeException problem) {
        error = Optional.of(problem);
        early.clear();
        workers.shutdownNow();
        reader.interrupt();
        notifyAll();
    }

    @Override
    public synchronized int size() {
        awaitEnd();
        return store().size();
    }

    @Override
    public synchronized OptionalInt sizeIfKnown() {
        throwError();
        return isFinished() ? OptionalInt.of(store().size()) : OptionalInt.empty();
    }

    @Override
    public synchronized Reading reading() {
        long bytes = bytesOfEndedFiles + (openFile == null ? 0 : openFile.bytesRead());
        return new Reading(nextRow, bytes, source.numBytes());
    }

    @Override
    public synchronized boolean awaitEnd(long millis) {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
        throwError();
        while (!isFinished()) {
            long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            if (left <= 0) {
                return false;
            }
            await(left);
            throwError();
        }
        return true;
    }

    @Override
    public synchronized DatasetSummary summary() {
        awaitEnd();
        return summary.orElseThrow();
    }

    @Override
    public synchronized int rowsTokenized() {
        awaitEnd();
        return rowsTokenized;
    }

    @Override
    public synchronized Optional<String> fingerprint() {
        while (store == null) {
            throwError();
            await();
        }
        return fingerprint;
    }

    @Override
    public synchronized TokenizedGroup get(int index) {
        return storeWith(index).get(index);
    }

    @Override
    public synchronized int numTokens(int index) {
        return storeWith(index).numTokens(index);
    }

    @Override
    public synchronized boolean has(int index) {
        while (store == null || store.size() <= index) {
            throwError();
            if (isFinished()) {
                return false;
            }
            await();
        }
        return index >= 0;
    }

    private TokenStore storeWith(int index) {
        if (!has(index)) {
            throw new IndexOutOfBoundsException("group " + index + " of " + store().size());
        }
        return store();
    }

    private void awaitEnd() {
        throwError();
        while (!isFinished()) {
            await();
            throwError();
        }
    }

    private void throwError() {
        if (error.isPresent()) {
            throw error.get();
        }
    }

    private void await() {
        await(0);
    }

    /** millis: 0 for as long as it takes. */
    @SuppressWarnings("WaitNotInLoop") // its callers loop
    private void await(long millis) {
        if (closed) {
            throw new IllegalStateException("the data set of " + source.name() + " is closed");
        }
        try {
            wait(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while waiting for rows of " + source.name());
        }
    }

    @Override
    public void close() {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        workers.shutdownNow();
        reader.interrupt();
        try {
            reader.join(TimeUnit.SECONDS.toMillis(10));
            workers.awaitTermination(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        synchronized (this) {
            if (store != null) {
                store.close();
            }
            draft.ifPresent(TokenCache.Draft::discard);
            draft = Optional.empty();
        }
    }
}

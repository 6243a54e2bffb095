package io.mmpo.track;

import io.mmpo.MmpoException;
import io.mmpo.RunMetrics;
import io.mmpo.files.IoProblem;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import java.util.zip.CRC32C;

/**
 * An event file as TensorBoard reads it: records of TensorFlow's TFRecord format, each an Event message (tensorflow/core/util/event.proto,
 * whose field numbers are here). Every line of metrics is one event, in the file before the run goes on. A run that goes on begins a new
 * file, whose first event makes TensorBoard drop what came after the checkpoint.
 */
final class TensorBoardFile implements Tracker {
    /** Fields of Event. */
    private static final int WALL_TIME = 1;

    private static final int STEP = 2;
    private static final int FILE_VERSION = 3;
    private static final int SUMMARY = 5;
    private static final int SESSION_LOG = 7;

    /** SessionLog: status, of which 1 is START. */
    private static final int STATUS = 1;

    private static final int START = 1;

    /** Summary: values, each of a tag and a number. */
    private static final int VALUE = 1;

    private static final int TAG = 1;
    private static final int SIMPLE_VALUE = 2;

    /** TFRecord keeps checksums rotated and moved, so that those of data that holds checksums are no odd ones. */
    private static final int MASK_DELTA = 0xa282ead8;

    private static final String EVALUATION = "eval_";

    private final Path path;
    private final FileChannel file;

    private TensorBoardFile(Path path, FileChannel file) {
        this.path = path;
        this.file = file;
    }

    static TensorBoardFile create(TrackedRun run) {
        TensorBoardFile created = inNewFile(run.directory());
        created.write(event(0).text(FILE_VERSION, "brain.Event:2"));
        if (run.resumed()) {
            long repeated = run.firstStep() == 0 ? 0 : run.firstStep() + 1L;
            created.write(event(repeated).message(SESSION_LOG, new ProtoMessage().integer(STATUS, START)));
        }
        return created;
    }

    /** TensorBoard reads a directory's files in the order of their names, which hold the time. */
    private static TensorBoardFile inNewFile(Path directory) {
        long seconds = System.currentTimeMillis() / 1000;
        for (int number = 0; ; number++) {
            Path path = directory.resolve(String.format(
                    Locale.ROOT,
                    "events.out.tfevents.%010d.%03d.%d.mmpo",
                    seconds,
                    number,
                    ProcessHandle.current().pid()));
            try {
                return new TensorBoardFile(
                        path, FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
            } catch (FileAlreadyExistsException e) {
                // another run of this second, in this directory: the next number
            } catch (IOException e) {
                throw failed(path, e);
            }
        }
    }

    @Override
    public void log(RunMetrics line) {
        ProtoMessage summary = new ProtoMessage();
        TrackedRun.numbers(line)
                .forEach((name, value) -> summary.message(
                        VALUE, new ProtoMessage().text(TAG, tag(name)).real(SIMPLE_VALUE, value.floatValue())));
        write(event(line.step()).message(SUMMARY, summary));
    }

    /** As transformers' callback names them: train/loss, eval/loss. */
    private static String tag(String metric) {
        return metric.startsWith(EVALUATION) ? "eval/" + metric.substring(EVALUATION.length()) : "train/" + metric;
    }

    private static ProtoMessage event(long step) {
        return new ProtoMessage()
                .real(WALL_TIME, System.currentTimeMillis() / 1000.0)
                .integer(STEP, step);
    }

    private void write(ProtoMessage event) {
        try {
            ByteBuffer record = record(event.toBytes());
            while (record.hasRemaining()) {
                file.write(record);
            }
        } catch (IOException e) {
            throw failed(path, e);
        }
    }

    /** Length, its checksum, data, its checksum; all little-endian. */
    private static ByteBuffer record(byte[] data) {
        ByteBuffer record = ByteBuffer.allocate(Long.BYTES + Integer.BYTES + data.length + Integer.BYTES)
                .order(ByteOrder.LITTLE_ENDIAN);
        record.putLong(data.length);
        record.putInt(maskedChecksum(record.array(), Long.BYTES));
        record.put(data);
        record.putInt(maskedChecksum(data, data.length));
        return record.flip();
    }

    private static int maskedChecksum(byte[] bytes, int length) {
        CRC32C checksum = new CRC32C();
        checksum.update(bytes, 0, length);
        return Integer.rotateRight((int) checksum.getValue(), 15) + MASK_DELTA;
    }

    @Override
    public void ended(Ending ending) {
        // The file says by itself how far the run came.
    }

    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            throw failed(path, e);
        }
    }

    private static MmpoException failed(Path path, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "%s, TensorBoard's file, could not be written: %s. Make room, choose another output_dir, or write report_to: none.",
                path,
                IoProblem.of(e));
    }
}

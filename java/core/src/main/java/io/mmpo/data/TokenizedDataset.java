package io.mmpo.data;

import io.mmpo.MmpoException;
import io.mmpo.data.tokens.DatasetSummary;
import io.mmpo.data.tokens.TokenizedGroup;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Rows of a file as token ids. Other threads read and tokenize ahead; what is asked for is waited for. Errors in the data come
 * as {@link MmpoException} from the call that needs the row.
 */
public interface TokenizedDataset extends AutoCloseable {
    /** The number of groups, dropped rows not counted. Waits for the end of the file. */
    int size();

    /** {@link #size} without waiting: empty while rows are tokenized. Throws what has gone wrong so far, in whichever row. */
    OptionalInt sizeIfKnown();

    /** How far the files are read now. */
    Reading reading();

    /** Waits for the end of the files, but no longer than this: true where every row is there. Throws what has gone wrong. */
    boolean awaitEnd(long millis);

    /** Whether there is a group of that index. Waits until it is there, or the file has ended. */
    boolean has(int index);

    /** Waits until that group is there. */
    TokenizedGroup get(int index);

    /** Of the group's prompt and completions; waits until it is there. */
    int numTokens(int index);

    /** Waits for the end of the file. */
    DatasetSummary summary();

    /** Rows that were tokenized for this data set, 0 where all came from a cache. Waits for the end of the file. */
    int rowsTokenized();

    /** Names the inputs that the groups are made from; empty where no cache is used. Known before the groups are. */
    Optional<String> fingerprint();

    /** {@link #numTokens} of every group. */
    static IntStream lengths(TokenizedDataset data) {
        return IntStream.range(0, data.size()).map(data::numTokens);
    }

    /** Stops the threads; idempotent. */
    @Override
    void close();
}

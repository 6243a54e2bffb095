package io.mmpo.nativelib;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Exchanges of a few numbers between ranks, beside those that trainers make. */
public final class Collectives {
    /** For the table of 256 exchanges, whose names are short. */
    private static final long TABLE_BYTES = 64 * 1024;

    private Collectives() {}

    /**
     * Values of every rank, in the order of ranks.
     *
     * @param backend the address of a c10d::Backend on the CPU
     * @param values as many on every rank
     * @param what for messages
     * @throws NativeException with status COLLECTIVE where another rank is gone or the time is over
     */
    public static double[][] gather(long backend, double[] values, int numRanks, String what) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            return NativeCall.run("mmpo_backend_gather", arena, call -> {
                MemorySegment all = arena.allocate(JAVA_DOUBLE, (long) values.length * numRanks);
                call.check((int) Bindings.BACKEND_GATHER.invokeExact(
                        MemorySegment.ofAddress(backend),
                        arena.allocateFrom(what),
                        arena.allocateFrom(JAVA_DOUBLE, values),
                        (long) values.length,
                        all,
                        call.error()));
                double[] flat = all.toArray(JAVA_DOUBLE);
                double[][] byRank = new double[numRanks][];
                for (int rank = 0; rank < numRanks; rank++) {
                    byRank[rank] = Arrays.copyOfRange(flat, rank * values.length, (rank + 1) * values.length);
                }
                return byRank;
            });
        }
    }

    /** The last exchanges that this process made, trainers' too: a table for people, the newest first. */
    public static String lastExchanges() {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            return NativeCall.run("mmpo_exchanges", arena, call -> {
                MemorySegment text = arena.allocate(TABLE_BYTES);
                call.check((int) Bindings.EXCHANGES.invokeExact(text, TABLE_BYTES, call.error()));
                return text.getString(0);
            });
        }
    }
}

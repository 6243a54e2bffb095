package io.mmpo.jmh;

import io.mmpo.nativelib.PackedBatch;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Tokenized pairs to the packed batch that one downcall takes; lengths are UltraFeedback's, about. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class CollateBenchmark {
    @Param({"2", "16"})
    private int pairs;

    private List<int[]> prompts = List.of();
    private List<int[][]> completions = List.of();

    @Setup
    public void draw() {
        Random random = new Random(1);
        prompts = IntStream.range(0, pairs).mapToObj(pair -> ids(random, 180)).toList();
        completions = IntStream.range(0, pairs)
                .mapToObj(pair -> new int[][] {ids(random, 260), ids(random, 240)})
                .toList();
    }

    private static int[] ids(Random random, int mean) {
        return random.ints(1 + random.nextInt(2 * mean), 0, 49_152).toArray();
    }

    @Benchmark
    public PackedBatch collate() {
        return PackedBatch.of(prompts, completions);
    }
}

package io.mmpo.jmh;

import io.mmpo.data.tokens.Tokenizer;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Text to token ids with SmolLM2's tokenizer: time of one real row, its prompt alone and with either response. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class TokenizeBenchmark {
    static final int ROWS = 64;

    private List<List<String>> rows = List.of();
    private Optional<Tokenizer> tokenizer = Optional.empty();

    @Setup
    public void open() {
        rows = SharedFiles.texts(ROWS);
        tokenizer = Optional.of(Tokenizer.open(SharedFiles.file("models/smollm2-135m-instruct"), Optional.empty()));
    }

    @TearDown
    public void close() {
        tokenizer.ifPresent(Tokenizer::close);
    }

    /** Each of the three texts by itself. */
    @Benchmark
    @OperationsPerInvocation(ROWS)
    public int encode() {
        int tokens = 0;
        for (List<String> row : rows) {
            for (String text : row) {
                tokens += tokenizer.orElseThrow().encode(text, false).length;
            }
        }
        return tokens;
    }

    /** A row in one call, which tokenizes what its texts share once. */
    @Benchmark
    @OperationsPerInvocation(ROWS)
    public int encodeBatch() {
        int tokens = 0;
        for (List<String> row : rows) {
            for (int[] ids : tokenizer.orElseThrow().encodeBatch(row, false)) {
                tokens += ids.length;
            }
        }
        return tokens;
    }
}

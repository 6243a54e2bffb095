package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.mmpo.SharedFiles;
import io.mmpo.model.ModelFiles;
import io.mmpo.spec.ComputeType;
import io.mmpo.spec.LossType;
import io.mmpo.spec.Objective;
import io.mmpo.spec.OptimizerSettings;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.Recompute;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.FileStore;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Two ranks over Gloo, a thread each, train what one trains: its process group's address is all that the core is given. */
class ShardedTrainerTest {
    private static final int STEPS = 3;

    @TempDir
    Path directory;

    private record Outcome(double[] norms, List<float[]> parameters, long bytesSent, long stateElements) {}

    @ParameterizedTest
    @CsvSource({"0, STEP", "1, STEP", "2, STEP", "2, MICRO_BATCH"})
    void twoRanksEqualOne(int zeroStage, Sharding.Reduce reduce) throws Exception {
        Outcome one = train(0, 3, 0, Sharding.Reduce.STEP, null);
        // Of three pairs the first rank has two.
        List<Outcome> two =
                onTwoRanks(120_000, (rank, group) -> train(rank * 2, rank == 0 ? 2 : 3, zeroStage, reduce, group));
        for (Outcome outcome : two) {
            for (int step = 0; step < STEPS; step++) {
                assertThat(outcome.norms()[step]).isCloseTo(one.norms()[step], within(1e-5 * one.norms()[step]));
            }
            for (int i = 0; i < one.parameters().size(); i++) {
                float[] expected = one.parameters().get(i);
                float[] found = outcome.parameters().get(i);
                for (int element = 0; element < expected.length; element++) {
                    assertThat(found[element]).isCloseTo(expected[element], within(1e-5F));
                }
            }
            assertThat(outcome.bytesSent()).isPositive();
        }
        assertThat(two.get(0).parameters())
                .usingRecursiveComparison()
                .isEqualTo(two.get(1).parameters());
        long held = two.stream().mapToLong(Outcome::stateElements).sum();
        assertThat(held).isEqualTo(zeroStage == 0 ? 2 * one.stateElements() : one.stateElements());
    }

    /** The other rank is gone before the first reduction. */
    @Test
    void aRankThatIsLeftAloneSaysWhichCollectiveFailed() throws Exception {
        List<String> messages = onTwoRanks(5_000, (rank, group) -> {
            if (rank == 1) {
                group.close();
                return "";
            }
            try {
                train(0, 2, 1, Sharding.Reduce.STEP, group);
                return "nothing failed";
            } catch (NativeException e) {
                return e.getMessage();
            }
        });
        assertThat(messages.get(0)).contains("of rank 0 of 2 failed");
    }

    private interface Rank<T> {
        T run(int rank, ProcessGroupGloo group) throws Exception;
    }

    private <T> List<T> onTwoRanks(long timeoutMillis, Rank<T> body) throws Exception {
        NativeLibrary.load();
        try (ExecutorService ranks = Executors.newFixedThreadPool(2)) {
            List<Callable<T>> calls = new ArrayList<>();
            CyclicBarrier connected = new CyclicBarrier(2);
            for (int rank = 0; rank < 2; rank++) {
                int number = rank;
                calls.add(() -> {
                    FileStore store = new FileStore(directory.resolve("store").toString(), 2);
                    // Closed, since its threads must not outlive the libraries that they run in; it frees the store,
                    // too.
                    try (ProcessGroupGloo group = new ProcessGroupGloo(store, number, 2, options(timeoutMillis))) {
                        store.deallocate(false);
                        connected.await(
                                1, TimeUnit.MINUTES); // one that is gone at once would break the other's beginning
                        return body.run(number, group);
                    }
                });
            }
            List<T> results = new ArrayList<>();
            for (Future<T> result : ranks.invokeAll(calls)) {
                results.add(result.get());
            }
            return results;
        }
    }

    private static ProcessGroupGloo.Options options(long timeoutMillis) {
        ProcessGroupGloo.Options options = ProcessGroupGloo.Options.create();
        options.devices().push_back(ProcessGroupGloo.createDeviceForHostname("localhost"));
        options.timeout(new Milliseconds(timeoutMillis));
        return options;
    }

    /** Pairs [first, end) of the golden ones. group: null for one process. */
    private static Outcome train(int first, int end, int zeroStage, Sharding.Reduce reduce, ProcessGroupGloo group)
            throws IOException {
        GoldenLlama golden = new GoldenLlama("tied");
        PackedBatch batch = PackedBatch.of(golden.prompts.subList(first, end), golden.completions.subList(first, end));
        double[] refLogps = Arrays.copyOfRange(golden.refLogps(), 2 * first, 2 * end);
        Objective objective = Objective.of(LossType.DPO, Objective.Coefficients.ofBeta(0.1), 1.0 / 3);
        OptimizerSettings settings =
                new OptimizerSettings(OptimizerType.ADAMW, 0.9, 0.999, 1e-8, 0, Recompute.NONE, true);
        try (ModelFiles files = ModelFiles.open(SharedFiles.path("golden/tiny_llama/tied"));
                NativeModel model = files.load(ComputeType.FLOAT32);
                NativeTrainer trainer = group == null
                        ? NativeTrainer.create(model, settings)
                        : NativeTrainer.create(
                                model,
                                settings,
                                new Sharding(group.address(), zeroStage, reduce, ComputeType.FLOAT32, true, 100_000))) {
            double[] norms = new double[STEPS];
            for (int step = 0; step < STEPS; step++) {
                trainer.expectStep();
                trainer.accumulate(batch, objective, refLogps);
                norms[step] = trainer.step(1e-4, 1.0);
            }
            List<float[]> parameters = new ArrayList<>();
            for (Tensor parameter : model.parameters()) {
                parameters.add(parameter.data().toArray(ValueLayout.JAVA_FLOAT));
            }
            long elements = 0;
            for (int i = 0; i < trainer.optimizerState().size(); i++) {
                elements += trainer.optimizerRange(i).count();
            }
            return new Outcome(norms, parameters, trainer.bytesSent(), elements);
        }
    }
}

package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class FineTuningTest {
    private static final List<Message> QUESTION = List.of(Message.user("Is the cat big?"));
    private static final List<String> REPLIES = List.of("The cat was very big.", "No no no.");

    @TempDir
    static Path models;

    @TempDir
    Path directory;

    private static Path model;

    @BeforeAll
    static void copyModel() {
        model = ChattingModel.copyTo(models);
    }

    private static FineTuning.Builder tuning() {
        return FineTuning.of(model)
                .method(Method.dpo())
                .rows(Rows.of(ChattingModel.PAIRS))
                .learningRate(1e-3)
                .batchSize(2)
                .epochs(2)
                .set("bf16", false)
                .set("logging_steps", 1);
    }

    private static double[] scores(LanguageModel tuned) {
        return tuned.logProbabilities(QUESTION, REPLIES);
    }

    @Test
    void rowsInMemoryTrainAModelInMemoryAndNothingIsWritten() throws IOException {
        List<StepMetrics> steps = new ArrayList<>();
        Path here = Path.of("").toAbsolutePath();
        List<Path> before = list(here);
        try (TrainingReport report = tuning().evaluation(Rows.of(ChattingModel.PAIRS.stream()))
                .listener(new TrainingListener() {
                    @Override
                    public void step(StepMetrics metrics) {
                        steps.add(metrics);
                    }
                })
                .run()) {
            assertThat(report.isCancelled()).isFalse();
            assertThat(report.directory()).isEmpty();
            assertThat(report.steps()).isEqualTo(4);
            assertThat(steps).hasSize(4);
            assertThat(report.summary().orElseThrow().loss())
                    .isCloseTo(
                            steps.stream()
                                    .mapToDouble(StepMetrics::loss)
                                    .average()
                                    .orElseThrow(),
                            within(1e-12));
            assertThat(steps.getLast().loss()).isLessThan(steps.getFirst().loss());
            double[] inMemory = scores(report.model());
            Path saved = directory.resolve("saved");
            report.model().save(saved);
            try (LanguageModel loaded = LanguageModel.load(saved)) {
                assertThat(scores(loaded)).isEqualTo(inMemory);
            }
        }
        assertThat(list(here)).isEqualTo(before);
    }

    private static List<Path> list(Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.sorted().toList();
        }
    }

    @Test
    void aDirectoryHoldsTheSameModelAsMemory() {
        try (TrainingReport inMemory = tuning().run();
                TrainingReport onDisk =
                        tuning().output(directory.resolve("run")).run()) {
            assertThat(onDisk.directory()).contains(directory.resolve("run/final"));
            assertThat(scores(onDisk.model())).isEqualTo(scores(inMemory.model()));
        }
    }

    @Test
    void anAdapterIsTrainedInMemoryAndMerged() {
        try (TrainingReport report = tuning().lora(4).set("lora_dropout", 0).run()) {
            double[] adapted = scores(report.model());
            Path merged = directory.resolve("merged");
            report.model().merge(merged);
            try (LanguageModel loaded = LanguageModel.load(merged)) {
                double[] ofMerged = scores(loaded);
                assertThat(ofMerged[0]).isCloseTo(adapted[0], within(1e-3));
                assertThat(ofMerged[1]).isCloseTo(adapted[1], within(1e-3));
            }
            assertThatThrownBy(() -> report.model().save(merged))
                    .isInstanceOf(ConfigurationException.class)
                    .hasMessageContaining("exists already");
        }
    }

    /** What a run computes depends on no other run beside it, and the threads that wait for them may be virtual. */
    @Test
    void twoRunsAtOnceFromVirtualThreadsGiveWhatEachGivesAlone() throws InterruptedException, ExecutionException {
        double[] alone;
        try (TrainingReport report = tuning().run()) {
            alone = scores(report.model());
        }
        List<FutureTask<double[]>> both = List.of(new FutureTask<>(this::train), new FutureTask<>(this::train));
        both.forEach(Thread::startVirtualThread);
        for (FutureTask<double[]> one : both) {
            assertThat(one.get()).isEqualTo(alone);
        }
    }

    private double[] train() {
        try (TrainingReport report = tuning().run()) {
            return scores(report.model());
        }
    }

    @Test
    void aCancelledRunLeavesACheckpointThatTheNextOneGoesOnFrom() {
        FineTuning.Builder whole = tuning().set("save_strategy", "no");
        Path output = directory.resolve("run");
        TrainingRun[] run = new TrainingRun[1];
        TrainingListener cancelling = new TrainingListener() {
            @Override
            public void step(StepMetrics metrics) {
                if (metrics.step() == 2) {
                    run[0].cancel();
                }
            }
        };
        run[0] = whole.output(output).listener(cancelling).start();
        try (TrainingReport cancelled = run[0].join()) {
            assertThat(cancelled.isCancelled()).isTrue();
            assertThat(cancelled.directory()).contains(output.resolve("checkpoint-" + cancelled.steps()));
        }
        try (TrainingReport resumed = tuning().set("save_strategy", "no")
                        .output(output)
                        .set("resume_from_checkpoint", true)
                        .run();
                TrainingReport uninterrupted = tuning().run()) {
            assertThat(resumed.steps()).isEqualTo(4);
            assertThat(scores(resumed.model())).isEqualTo(scores(uninterrupted.model()));
        }
    }

    /** Whenever it comes: the report says whether it was in time and what was left, and the thread stays interrupted. */
    @Test
    void anInterruptIsACancel() {
        Random random = new Random(7);
        int cancelled = 0;
        int checkpoints = 0;
        for (int i = 0; i < 50; i++) {
            Thread waiting = Thread.currentThread();
            long millis = random.nextInt(150);
            FineTuning.Builder tuning = tuning().epochs(30).set("save_strategy", "no");
            Path output = directory.resolve("run-" + i);
            boolean leavesFiles = i % 2 == 1;
            Thread.startVirtualThread(() -> interruptAfter(waiting, millis));
            try (TrainingReport report = (leavesFiles ? tuning.output(output) : tuning).run()) {
                cancelled += report.isCancelled() ? 1 : 0;
                assertThat(report.isCancelled())
                        .isEqualTo(report.steps() < 60 || report.summary().isEmpty());
                if (leavesFiles && report.isCancelled()) {
                    checkpoints += report.directory().isPresent() ? 1 : 0;
                    assertThat(report.directory().isPresent() || report.steps() == 0)
                            .isTrue();
                    assertThat(report.directory().orElse(output.resolve("checkpoint-0")))
                            .isEqualTo(output.resolve("checkpoint-" + report.steps()))
                            .matches(directory ->
                                    report.directory().isEmpty() || Files.exists(directory.resolve("manifest.json")));
                }
            }
            while (!Thread.interrupted()) {
                Thread.onSpinWait(); // a run that was faster than its interrupt
            }
        }
        assertThat(cancelled).isGreaterThan(25);
        assertThat(checkpoints).isPositive();
    }

    private static void interruptAfter(Thread waiting, long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        waiting.interrupt();
    }

    /** As one that is not written in Java may: what is thrown is what was thrown, a checked exception too. */
    @Test
    void whatAListenerThrowsEndsTheRunAndIsThrownToWhoWaits() {
        List<Throwable> thrown = List.of(new IOException("a"), new IllegalStateException("b"), new AssertionError("c"));
        for (Throwable exception : thrown) {
            TrainingListener listener = new TrainingListener() {
                @Override
                public void step(StepMetrics metrics) {
                    FineTuningTest.<RuntimeException>unchecked(exception);
                }
            };
            assertThatThrownBy(() -> tuning().listener(listener).run()).isSameAs(exception);
        }
    }

    @SuppressWarnings({"unchecked", "TypeParameterUnusedInFormals"})
    private static <E extends Throwable> void unchecked(Throwable exception) throws E {
        throw (E) exception;
    }

    @Test
    void aListenerThatWaitsForItsOwnRunIsToldSo() {
        CompletableFuture<TrainingRun> known = new CompletableFuture<>();
        TrainingRun run = tuning().listener(new TrainingListener() {
                    @Override
                    public void step(StepMetrics metrics) {
                        known.join().join();
                    }
                })
                .start();
        known.complete(run);
        assertThatThrownBy(run::join)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("would wait for itself");
    }

    @Test
    void anOutputThatIsNullIsNone() {
        try (TrainingReport report = tuning().output(null).run()) {
            assertThat(report.directory()).isEmpty();
        }
    }

    /** What rows(...) and evaluation(...) say is not said by a key as well. */
    @Test
    void rowsAreSaidOnce() {
        assertThatThrownBy(() -> tuning().set("dataset_name", "other.jsonl").build())
                .isInstanceOf(ConfigurationException.class)
                .hasMessage("dataset_name is what rows(...) says, and was set beside it; leave one of them out.");
        assertThatThrownBy(() -> tuning().evaluation(Rows.of(ChattingModel.PAIRS))
                        .set("eval_dataset_name", "other.jsonl")
                        .build())
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("eval_dataset_name is what evaluation(...) says");
    }

    @Test
    void eachKindOfErrorHasAClass() {
        assertThatThrownBy(() -> tuning().set("learning_rat", 1).run())
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("did you mean learning_rate?");
        assertThatThrownBy(() -> FineTuning.of(model).run())
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("give rows(...)");
        assertThatThrownBy(() -> tuning().set("load_best_model_at_end", true)
                        .evaluation(Rows.of(ChattingModel.PAIRS))
                        .set("save_strategy", "epoch")
                        .run())
                .isInstanceOf(ConfigurationException.class)
                .hasMessageContaining("no output directory");
        assertThatThrownBy(() -> FineTuning.of(directory.resolve("none"))
                        .rows(Rows.of(ChattingModel.PAIRS))
                        .run())
                .isInstanceOf(DataException.class);
        assertThatThrownBy(() -> tuning().rows(Rows.of()).run())
                .isInstanceOf(DataException.class)
                .hasMessageContaining("rows in memory has no rows");
        assertThatThrownBy(() -> tuning().learningRate(1e30).run()).isInstanceOf(TrainingException.class);
    }
}

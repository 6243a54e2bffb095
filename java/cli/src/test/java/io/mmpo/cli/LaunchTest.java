package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.model.SafetensorsReader;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Several processes train what one trains, and end together. Losses, stages and optimizers are the core's tests' matter
 * (native/tests/train/sharded_training_test.cpp); these take their time because every rank is a virtual machine that starts.
 */
class LaunchTest {
    private static final double TOLERANCE = 1e-5;
    /** Rows of a micro-batch, of all ranks; the 12 rows of the data make an uneven last one. */
    private static final int ROWS = 8;

    private static final List<String> METRICS = List.of(
            "loss",
            "grad_norm",
            "rewards/chosen",
            "rewards/accuracies",
            "logps/rejected",
            "eval_loss",
            "eval_rewards/margins");

    /** What is trained, on how many ranks. */
    enum Trained {
        MMPO(2, "loss_type=mmpo", "mmpo_aux_weight=0.5", "gradient_accumulation_steps=2"),
        DPO_WITH_LORA_AND_DROPOUT(
                4,
                "loss_type=dpo",
                "use_peft=true",
                "lora_dropout=0.1",
                "lora_target_modules=all-linear",
                "zero_reduce=step");

        private final int ranks;
        private final List<String> keys;

        Trained(int ranks, String... keys) {
            this.ranks = ranks;
            this.keys = List.of(keys);
        }
    }

    @TempDir
    Path directory;

    private TinyRun run;

    @BeforeEach
    void makeRun() {
        run = TinyRun.in(directory);
    }

    @ParameterizedTest
    @EnumSource
    void trainsWhatOneProcessTrains(Trained trained) throws IOException {
        List<String> keys = new ArrayList<>(trained.keys);
        keys.addAll(List.of("logging_steps=1", "eval_strategy=steps", "eval_dataset_name=" + run.rows()));
        Path alone = directory.resolve("alone");
        Path ranks = directory.resolve("ranks");
        Cli.run(words("train", 1, alone, keys)).succeeds();
        Cli launched = Cli.run(words("launch", trained.ranks, ranks, keys)).succeeds();
        assertThat(launched.out()).containsOnlyOnce("The trained model is in " + ranks.resolve("final"));
        assertThat(launched.err()).doesNotContain("do not match");
        assertMetricsAreNear(alone, ranks);
        assertThat(largestDifference(alone, ranks)).isLessThan(TOLERANCE);
    }

    /** Parts of master weights and of the 8-bit optimizer's blocks are put together and cut anew. */
    @Test
    void goesOnWithAnotherNumberOfRanks() throws IOException {
        List<String> keys =
                List.of("bf16=true", "optim=adamw_8bit", "save_strategy=steps", "save_steps=2", "logging_steps=1");
        Path whole = directory.resolve("whole");
        Cli.run(words("launch", 4, whole, keys)).succeeds();
        Path checkpoint = whole.resolve("checkpoint-2");
        assertThat(checkpoint.resolve("optimizer.rank-3.safetensors")).exists();
        for (int ranks : new int[] {1, 2}) {
            Path output = directory.resolve("on-" + ranks);
            List<String> resumed = new ArrayList<>(keys);
            resumed.add("resume_from_checkpoint=" + checkpoint);
            Cli.run(words(ranks == 1 ? "train" : "launch", ranks, output, resumed))
                    .succeeds();
            // Sums of other orders, over activations of bfloat16.
            assertThat(largestDifference(whole, output)).isLessThan(2e-3);
        }
    }

    @Test
    void refusesToGoOnWithOtherMicroBatches() {
        List<String> keys = List.of("save_strategy=steps", "save_steps=2");
        Cli.run(words("train", 1, run.output(), keys)).succeeds();
        List<String> resumed = new ArrayList<>(keys);
        resumed.add("resume_from_checkpoint=true");
        Cli.run(words("train", 2, run.output(), resumed))
                .failsWith(ExitCode.CONFIGURATION, "per_device_train_batch_size of all ranks together", "8", "4");
    }

    /** The end is that of a run that nobody killed, to the bit. */
    @Test
    void goesOnAfterRanksWereKilled() throws Exception {
        List<String> keys = List.of("max_steps=40", "save_strategy=steps", "save_steps=5", "logging_steps=5");
        Path whole = directory.resolve("whole");
        Cli.run(words("launch", 2, whole, keys)).succeeds();
        Path killed = directory.resolve("killed");
        List<Object> words = new ArrayList<>(List.of(words("launch", 2, killed, keys)));
        words.add(1, "--max-restarts=2");
        CompletableFuture<Cli> end = CompletableFuture.supplyAsync(() -> Cli.run(words.toArray()));
        kill("KILL", 1, killed.resolve("checkpoint-5"));
        kill("KILL", 0, killed.resolve("checkpoint-20"));
        Cli cli = end.get(120, TimeUnit.SECONDS).succeeds();
        assertThat(cli.err())
                .contains("was ended by signal 9", "starting all ranks again from the last checkpoint, 2 of 2");
        assertThat(weights(killed)).usingRecursiveComparison().isEqualTo(weights(whole));
    }

    /**
     * A rank that stands still is named by the others, soon after ddp_timeout: 5 s, the others' word 2 s, the launcher's patience 2 s, and what
     * a busy machine takes. Rank 0 has the store, in which the others would leave word.
     */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aRankThatStandsStillEndsTheOthers(int stopped) throws Exception {
        List<String> keys = List.of(
                "max_steps=100000", "save_strategy=steps", "save_steps=5", "ddp_timeout=5", "save_total_limit=2");
        CompletableFuture<Cli> end =
                CompletableFuture.supplyAsync(() -> Cli.run(words("launch", 2, run.output(), keys)));
        kill("STOP", stopped, run.output().resolve("checkpoint-5"));
        long start = System.nanoTime();
        Cli cli = end.get(120, TimeUnit.SECONDS);
        int other = 1 - stopped;
        Path record = run.output().resolve("exchanges/rank-" + other + ".tsv");
        cli.failsWith(
                ExitCode.TRAINING,
                "Rank " + stopped + " (",
                "does not answer",
                "of rank " + other + " of 2 failed after 5.",
                record.toString());
        assertThat((System.nanoTime() - start) * 1e-9).isLessThan(24); // 25 and more while each waited in full
        List<String> lines = Files.readAllLines(record);
        assertThat(lines.get(0)).isEqualTo("number\tbegun\tseconds\tstate\tbytes sent\texchange");
        assertThat(lines).anyMatch(line -> line.matches("\\d+\t\\S+\t5\\.\\d+\tfailed\t\\d+\tthe .*"));
        assertThat(lines.getLast()).contains("\tdone\t");
    }

    /** At the first step, where the weights are the same: later ones differ by the rounding of sums. */
    @Test
    void ranksShareTheQuestionsOfTasks() throws IOException {
        run = TinyRun.with(directory, SharedFiles.path("models/stories260k"), "");
        List<String> keys = List.of(
                "eval_tasks=arc_easy, piqa",
                "eval_tasks_limit=7",
                "eval_tasks_data=" + SharedFiles.path("data/lm_eval"),
                "eval_strategy=steps",
                "eval_steps=2",
                "eval_on_start=true",
                "max_steps=2");
        Path alone = directory.resolve("alone");
        Path ranks = directory.resolve("ranks");
        Cli.run(words("train", 1, alone, keys)).succeeds();
        Cli.run(words("launch", 2, ranks, keys)).succeeds();
        for (String task : List.of("arc_easy", "piqa")) {
            String samples = "eval_tasks/checkpoint-0/samples_" + task + ".jsonl";
            assertThat(ranks.resolve(samples)).hasSameBinaryContentAs(alone.resolve(samples));
        }
        assertThat(taskScores(ranks.resolve("metrics.jsonl")).getFirst())
                .isNotEmpty()
                .isEqualTo(taskScores(alone.resolve("metrics.jsonl")).getFirst());
        assertThat(taskScores(ranks.resolve("metrics.jsonl"))).hasSize(2);
        for (int step : new int[] {0, 2}) {
            assertThat(ranks.resolve("eval_tasks/checkpoint-" + step).toFile().list())
                    .containsExactlyInAnyOrder("results.json", "samples_arc_easy.jsonl", "samples_piqa.jsonl");
        }
    }

    private static List<Map<String, Double>> taskScores(Path metrics) throws IOException {
        List<Map<String, Double>> scores = new ArrayList<>();
        for (JsonNode line : Cli.readJsonLines(metrics)) {
            Map<String, Double> values = new TreeMap<>();
            line.properties().stream()
                    .filter(entry -> entry.getKey().matches("eval_tasks/(?!.*(?:seconds|runtime)).*"))
                    .forEach(
                            entry -> values.put(entry.getKey(), entry.getValue().doubleValue()));
            if (!values.isEmpty()) {
                scores.add(values);
            }
        }
        return scores;
    }

    @Test
    void aSignalSavesOneCheckpoint() throws Exception {
        Object[] words = words("launch", 2, run.output(), List.of("max_steps=100000", "save_strategy=no"));
        Process process = CliProcess.start(words);
        Path metrics = run.output().resolve("metrics.jsonl");
        await(metrics);
        process.destroy();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isEqualTo(ExitCode.INTERRUPTED);
        String[] names = run.output().toFile().list((parent, name) -> name.startsWith("checkpoint-"));
        assertThat(names).hasSize(1);
    }

    @Test
    void whatFailsOnAllRanksIsToldOnce() {
        Cli.run(words("launch", 2, run.output(), List.of("learning_rate=1e30", "max_steps=20")))
                .failsWith(ExitCode.TRAINING, "Rank ", "finite");
        Cli.run(words("launch", 2, run.output(), List.of("dataset_name=/nowhere.jsonl")))
                .failsWith(ExitCode.DATA, "/nowhere.jsonl");
        Cli.run(words("launch", 2, run.output(), List.of("zero_stage=3")))
                .failsWith(ExitCode.CONFIGURATION, "zero_stage must be 0, 1 or 2");
    }

    private Object[] words(String command, int ranks, Path output, List<String> keys) {
        List<Object> words = new ArrayList<>(List.of(command));
        if (command.equals("launch")) {
            words.addAll(List.of("--nproc-per-node", ranks));
        }
        words.addAll(List.of(run.config(), "output_dir=" + output, "per_device_train_batch_size=" + ROWS / ranks));
        words.add("cache_dir=" + directory.resolve("cache"));
        words.addAll(keys);
        return words.toArray();
    }

    /** A signal to a rank of this process's launcher, whose only children they are, once the file is there. */
    private static void kill(String signal, int rank, Path after) throws Exception {
        await(after);
        List<ProcessHandle> children = ProcessHandle.current()
                .children()
                .sorted(Comparator.comparingLong(ProcessHandle::pid))
                .toList();
        new ProcessBuilder(
                        "kill", "-" + signal, Long.toString(children.get(rank).pid()))
                .start()
                .waitFor();
    }

    private static void await(Path file) throws InterruptedException {
        for (int i = 0; i < 6000 && !Files.exists(file); i++) {
            Thread.sleep(10);
        }
        assertThat(file).exists();
    }

    private static void assertMetricsAreNear(Path expected, Path found) throws IOException {
        List<JsonNode> wanted = Cli.readJsonLines(expected.resolve("metrics.jsonl"));
        List<JsonNode> lines = Cli.readJsonLines(found.resolve("metrics.jsonl"));
        assertThat(lines).hasSameSizeAs(wanted);
        for (int i = 0; i < lines.size(); i++) {
            for (String name : METRICS) {
                assertThat(lines.get(i).has(name)).isEqualTo(wanted.get(i).has(name));
                if (wanted.get(i).has(name)) {
                    double value = wanted.get(i).get(name).asDouble();
                    assertThat(lines.get(i).get(name).asDouble())
                            .as(name)
                            .isCloseTo(value, within(TOLERANCE * Math.max(1, Math.abs(value))));
                }
            }
        }
    }

    private static double largestDifference(Path one, Path other) throws IOException {
        Map<String, float[]> expected = weights(one);
        Map<String, float[]> found = weights(other);
        assertThat(found.keySet()).isEqualTo(expected.keySet()).isNotEmpty();
        double largest = 0;
        for (Map.Entry<String, float[]> entry : expected.entrySet()) {
            float[] values = found.get(entry.getKey());
            for (int i = 0; i < values.length; i++) {
                largest = Math.max(largest, Math.abs(values[i] - entry.getValue()[i]));
            }
        }
        return largest;
    }

    private static Map<String, float[]> weights(Path output) throws IOException {
        Path model = output.resolve("final/model.safetensors");
        Path file = Files.exists(model) ? model : output.resolve("final/adapter_model.safetensors");
        Map<String, float[]> weights = new TreeMap<>();
        try (SafetensorsReader reader = SafetensorsReader.open(file)) {
            reader.tensors().forEach(tensor -> {
                assertThat(tensor.dtype()).isEqualTo("F32");
                weights.put(tensor.name(), tensor.data().toArray(ValueLayout.JAVA_FLOAT));
            });
        }
        return weights;
    }
}

package io.mmpo.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.mmpo.MmpoException;
import io.mmpo.StepMetrics;
import io.mmpo.run.MetricsHistory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunReaderTest {
    @TempDir
    Path directory;

    @Test
    void aFinishedRun() throws IOException {
        Run run = RunReader.read(ExampleRuns.finished(directory.resolve("a"), "dpo", 0.1), "a");
        assertThat(run.lossHeading()).isEqualTo("DPO");
        assertThat(run.status()).isEqualTo("finished");
        assertThat(run.notes()).isEmpty();
        assertThat(run.metrics().lastStep()).isEqualTo(40);
        assertThat(run.curve("loss", 1)).hasSize(20);
        assertThat(run.curve("eval_loss", 1)).hasSize(4);
        assertThat(run.metrics().greatest("eval_rewards/accuracies")).hasValue(0.8);
    }

    @Test
    void aRunThatStoppedInTheMiddleOfALine() throws IOException {
        Run run = RunReader.read(ExampleRuns.stopped(directory.resolve("a")), "a");
        assertThat(run.status()).isEqualTo("stopped or going on at step 10 of 40");
        assertThat(run.notes())
                .containsExactly("Line 6 of metrics.jsonl is not a whole line of metrics, and is left out.");
        assertThat(run.curve("loss", 1).stream().map(Point::isDrawable))
                .containsExactly(true, true, false, false, true);
        assertThat(run.metrics().last("loss")).hasValueCloseTo(2.7, within(1e-9));
    }

    @Test
    void nanAsPythonWritesIt() throws IOException {
        Path file = Files.writeString(
                directory.resolve("metrics.jsonl"), "{\"step\":1,\"loss\":NaN}\n{\"step\":2,\"loss\":1e999}\n\n7\n");
        MetricsHistory history = MetricsHistory.read(file);
        assertThat(history.lines())
                .hasSize(2)
                .allMatch(line -> line instanceof StepMetrics steps && Double.isNaN(steps.loss()));
        assertThat(history.notes()).hasSize(1).first().asString().startsWith("Line 4 ");
    }

    @Test
    void withoutMetricsTheNewestCheckpointsLogIsTaken() throws IOException {
        Path run = ExampleRuns.finished(directory.resolve("a"), "dpo", 0.1);
        Files.delete(run.resolve("metrics.jsonl"));
        Files.writeString(
                Files.createDirectories(run.resolve("checkpoint-9")).resolve("trainer_state.json"),
                "{\"max_steps\":50,\"log_history\":[{\"loss\":9.0,\"step\":9,\"epoch\":1.0}]}");
        Files.writeString(
                Files.createDirectories(run.resolve("checkpoint-10")).resolve("trainer_state.json"),
                "{\"max_steps\":50,\"log_history\":[{\"loss\":10.0,\"step\":10,\"epoch\":1.0}]}");
        Run read = RunReader.read(run, "a");
        assertThat(read.metrics().last("loss")).hasValue(10);
        assertThat(read.notes())
                .anyMatch(note -> note.contains("no metrics.jsonl") && note.contains("newest checkpoint"));
    }

    @Test
    void aDirectoryThatIsNoRun() {
        assertThatThrownBy(() -> RunReader.read(directory, "a"))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .hasMessageContaining("is no training run");
        assertThatThrownBy(() -> RunReader.read(directory.resolve("none"), "a"))
                .hasMessageContaining("is no directory");
    }

    @Test
    void evaluationsBelongToTheCheckpointOfTheirPlace() throws IOException {
        Path run = ExampleRuns.finished(directory.resolve("a"), "mmpo", 0.01);
        ExampleRuns.evaluations(run, 50, 34);
        Files.writeString(Files.createDirectories(run.resolve("lm")).resolve("results.json"), """
                {"results": {"mmlu": {"acc,none": 0.5}, "mmlu_law": {"acc,none": 0.1}, "piqa": {"acc,none": 0.7},
                 "wiki": {"word_perplexity,none": 9}}, "group_subtasks": {"mmlu": ["mmlu_law"]},
                 "model_name": "runs/a/checkpoint-36"}""");
        List<Evaluation> evaluations = RunReader.read(run, "a").evaluations();
        assertThat(evaluations.stream().map(Evaluation::step)).containsExactly(10, 20, 30, 36, 40);
        assertThat(evaluations.getFirst().winRate()).hasValue(52);
        assertThat(evaluations.getFirst().epoch()).hasValueCloseTo(1.0, within(1e-9));
        assertThat(evaluations.getFirst().meanAccuracy()).hasValueCloseTo((33.9 + 36) / 2, within(1e-9));
        assertThat(evaluations.get(3).accuracies()).containsOnlyKeys("mmlu", "piqa");
        assertThat(evaluations.get(3).meanAccuracy()).hasValueCloseTo(60.0, within(1e-9));

        Path link = Files.createSymbolicLink(directory.resolve("latest"), run);
        assertThat(RunReader.read(link, "latest").evaluations()).isEqualTo(evaluations);
    }

    /** The model that training began with is evaluated too, and its results may lie below the run. */
    @Test
    void anEvaluationOfAnotherModelIsNoneOfTheRuns() throws IOException {
        Path run = ExampleRuns.finished(directory.resolve("a"), "mmpo", 0.01);
        for (String model : List.of("models/smollm2", "runs/b/final", "runs/a/final")) {
            Path file = Files.createDirectories(run.resolve("lm/" + model.replace('/', '-')))
                    .resolve("results.json");
            Files.writeString(file, """
                    {"results": {"piqa": {"acc,none": 0.7}}, "model_name": "%s"}""".formatted(model));
        }
        Run read = RunReader.read(run, "a");
        assertThat(read.evaluations()).hasSize(1);
        assertThat(read.evaluations().getFirst().checkpoint()).isEqualTo("final");
        assertThat(read.notes())
                .anyMatch(note -> note.contains("results.json is of models/smollm2, which is no model of this run"))
                .anyMatch(note -> note.contains("is of runs/b/final, which is no model of this run"));
    }

    @Test
    void namesAreAsShortAsTellsThemApart() {
        assertThat(RunNames.of(List.of(Path.of("runs/smol-mmpo"), Path.of("runs/smol-dpo"))))
                .containsExactly("mmpo", "dpo");
        assertThat(RunNames.of(List.of(Path.of("one/run"), Path.of("two/run")))).containsExactly("one/run", "two/run");
        assertThat(RunNames.of(List.of(Path.of("x-0.01"), Path.of("x-0.05")))).containsExactly("x-0.01", "x-0.05");
        assertThat(RunNames.of(List.of(Path.of("runs/a")))).containsExactly("a");
        assertThatThrownBy(() -> RunNames.of(List.of(Path.of("a"), Path.of("./a"))))
                .hasMessageContaining("given twice");
    }
}

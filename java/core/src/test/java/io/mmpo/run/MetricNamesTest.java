package io.mmpo.run;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.Evaluation;
import io.mmpo.PairMetrics;
import io.mmpo.RunMetrics;
import io.mmpo.StepMetrics;
import io.mmpo.TrainingSummary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricNamesTest {
    private static final PairMetrics PAIRS = new PairMetrics(0.5, -0.25, 0.75, 0.75, -20, -30.5);
    private static final RunMetrics STEPS =
            new StepMetrics(2, 0.5, 0.7, 1.5, 1e-5, Optional.of(PAIRS), 0.1, 20, 900, 0.01, OptionalLong.of(1 << 20));
    private static final RunMetrics EVALUATION = new Evaluation(2, 0.5, 0.6, Optional.of(PAIRS), 0.2, 10, 5);
    private static final RunMetrics SUMMARY = new TrainingSummary(4, 1, 0.65, 9, 0.5, 2, 0.5);

    @TempDir
    Path directory;

    @Test
    void aFileHasTrlsNames() throws IOException {
        MetricsLog log = new MetricsLog(new RunDirectory(directory));
        List.of(STEPS, EVALUATION, SUMMARY).forEach(log::write);
        assertThat(Files.readString(directory.resolve("metrics.jsonl"))).isEqualTo("""
                {"loss":0.7,"grad_norm":1.5,"learning_rate":1.0E-5,"rewards/chosen":0.5,"rewards/rejected":-0.25,"rewards/accuracies":0.75,\
                "rewards/margins":0.75,"logps/chosen":-20.0,"logps/rejected":-30.5,"epoch":0.5,"step":2,"step_seconds":0.1,\
                "pairs_per_second":20.0,"tokens_per_second":900.0,"data_wait_seconds":0.01,"peak_memory_bytes":1048576}
                {"eval_loss":0.6,"eval_rewards/chosen":0.5,"eval_rewards/rejected":-0.25,"eval_rewards/accuracies":0.75,\
                "eval_rewards/margins":0.75,"eval_logps/chosen":-20.0,"eval_logps/rejected":-30.5,"eval_runtime":0.2,\
                "eval_samples_per_second":10.0,"eval_steps_per_second":5.0,"epoch":0.5,"step":2}
                {"train_runtime":9.0,"reference_seconds":0.5,"train_samples_per_second":2.0,"train_steps_per_second":0.5,\
                "train_loss":0.65,"epoch":1.0,"step":4}
                """);
    }

    @Test
    void whatIsReadIsWhatWasWritten() {
        MetricsLog log = new MetricsLog(new RunDirectory(directory));
        RunMetrics sft = new StepMetrics(3, 0.75, 0.1, 2, 0, Optional.empty(), 0.1, 20, 900, 0, OptionalLong.empty());
        List<RunMetrics> lines = List.of(STEPS, EVALUATION, sft, SUMMARY);
        log.restore(lines);
        assertThat(MetricsHistory.read(directory.resolve("metrics.jsonl")).lines())
                .isEqualTo(lines);
    }

    /** Its own program's names are kept where they are ours; what it does not say is no number, and is not written either. */
    @Test
    void aLineOfAnotherProgram() throws IOException {
        Path file = Files.writeString(directory.resolve("metrics.jsonl"), """
                {"loss": 0.5, "entropy": 2.0, "logps/chosen": -3, "step": 1}
                {"eval_runtime": 0.5, "step": 1, "epoch": 1}
                """);
        List<RunMetrics> lines = MetricsHistory.read(file).lines();
        assertThat(lines.getFirst()).isInstanceOfSatisfying(StepMetrics.class, steps -> {
            assertThat(steps.loss()).isEqualTo(0.5);
            assertThat(steps.gradNorm()).isNaN();
            assertThat(steps.pairs().orElseThrow().chosenLogp()).isEqualTo(-3);
        });
        assertThat(lines.getLast()).isInstanceOf(Evaluation.class);
        new MetricsLog(new RunDirectory(directory)).restore(lines);
        assertThat(file).hasContent("""
                {"loss":0.5,"logps/chosen":-3.0,"step":1}
                {"eval_runtime":0.5,"epoch":1.0,"step":1}
                """);
    }
}

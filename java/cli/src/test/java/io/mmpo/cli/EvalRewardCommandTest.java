package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EvalRewardCommandTest {
    @TempDir
    Path directory;

    /** Training logs the same metrics of the rows that it evaluates on, after its last step. */
    @ParameterizedTest
    @ValueSource(strings = {"mmpo", "dpo", "simpo"})
    void isWhatTrainingLogsOfItsLastStep(String loss) throws IOException {
        TinyRun run = TinyRun.in(directory);
        run.train(
                        "loss_type=" + loss,
                        "beta=0.5",
                        "mmpo_aux_weight=0.5",
                        "eval_strategy=steps",
                        "eval_steps=4",
                        "eval_dataset_name=" + run.rows(),
                        "per_device_eval_batch_size=3")
                .succeeds();
        JsonNode logged = Cli.readJsonLines(run.output().resolve("metrics.jsonl")).stream()
                .filter(line -> line.has("eval_rewards/accuracies"))
                .reduce((first, second) -> second)
                .orElseThrow();
        Path file = directory.resolve("reward.json");
        List<Object> words = new ArrayList<>(List.of("eval", "reward", "--device=cpu", "--beta=0.5", "--batch-size=3"));
        words.addAll(List.of("--model", run.output().resolve("final"), "--data", run.rows(), "--loss-type", loss));
        words.addAll(List.of("--output", file));
        // training divides SimPO's log-probabilities by the length unless it is told not to
        words.addAll(loss.equals("simpo") ? List.of("--length-normalize") : List.of("--ref-model", run.model()));
        Cli cli = Cli.run(words.toArray()).succeeds();
        JsonNode found = new ObjectMapper().readTree(file.toFile());
        for (String name : List.of("accuracies", "chosen", "rejected", "margins")) {
            assertThat(found.path("rewards/" + name).doubleValue())
                    .as(name)
                    .isCloseTo(logged.path("eval_rewards/" + name).doubleValue(), within(1e-9));
        }
        assertThat(cli.out()).startsWith("reward accuracy 0.").contains("pairs");
    }

    @Test
    void saysWhatIsMissing() {
        TinyRun run = TinyRun.in(directory);
        Cli.run("eval", "reward", "--model", run.model(), "--data", run.rows(), "--loss-type=dpo")
                .failsWith(ExitCode.CONFIGURATION, "--ref-model is wanted", "dpo");
        Cli.run(
                        "eval",
                        "reward",
                        "--model",
                        run.model(),
                        "--data",
                        run.rows(),
                        "--loss-type=simpo",
                        "--ref-model",
                        run.model())
                .failsWith(ExitCode.CONFIGURATION, "--ref-model", "SimPO");
        Cli.run("eval", "reward", "--model", run.model(), "--data", run.rows(), "--loss-type=simpo", "--beta=0")
                .failsWith(ExitCode.CONFIGURATION, "--beta");
    }
}

package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.spec.ByteUnits;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What is planned for a process on the CPU is what the kernel has seen of one, with the launcher's own options. Three rows fill a slice. Of a tiny model nearly
 * all is the runtime; docs/plan.md has a larger one.
 */
class PlanPeakTest {
    /** Of so little nearly all is the JVM and libraries, which differ by a tenth from run to run; bench/plan/run holds real sizes to a tenth. */
    private static final double PERCENT = 25;

    private static final Pattern TOTAL = Pattern.compile("(?m)^ +all +(\\d+\\.\\d+)$");

    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "bf16=false per_device_train_batch_size=3 gradient_checkpointing=none",
                "bf16=true per_device_train_batch_size=1 use_peft=true",
            })
    void aTinyRunTakesWhatIsPlanned(String keys) throws Exception {
        String text = String.join(" ", Collections.nCopies(400, "once upon a time"));
        String row = new ObjectMapper().writeValueAsString(new Row(text, text + " yes", "no " + text));
        Path rows = Files.write(directory.resolve("rows.jsonl"), Collections.nCopies(8, row));
        Path config = Files.writeString(directory.resolve("run.yaml"), """
                model_name_or_path: %s
                dataset_name: %s
                output_dir: %s
                cache_dir: "no"
                loss_type: dpo
                max_length: 320
                max_prompt_length: 128
                max_completion_length: 192
                max_steps: 2
                logging_steps: 1
                save_strategy: "no"
                device: cpu
                """.formatted(
                        SharedFiles.path("models/stories260k"), rows, directory.resolve("run")));
        List<Object> words = new ArrayList<>(List.of("plan", config));
        words.addAll(List.of(keys.split(" ")));
        Matcher total = TOTAL.matcher(Cli.run(words.toArray()).succeeds().out());
        assertThat(total.find()).isTrue();
        words.set(0, "train");
        launch(words);
        double peak = Files.readAllLines(directory.resolve("run/metrics.jsonl")).stream()
                .mapToDouble(PlanPeakTest::peakBytes)
                .max()
                .orElseThrow();
        assertThat(Double.parseDouble(total.group(1))).isCloseTo(peak / ByteUnits.GIB, withinPercentage(PERCENT));
    }

    private record Row(String prompt, String chosen, String rejected) {}

    private static double peakBytes(String line) {
        try {
            return new ObjectMapper().readTree(line).path("peak_memory_bytes").asDouble();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void launch(List<Object> words) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                "bash",
                "-c",
                "source \"$0\"; start \"$1\" \"$2\" -- \"${@:3}\"",
                Markdown.ROOT.resolve("tools/start.sh").toString(),
                System.getProperty("java.home"),
                System.getProperty("java.class.path")));
        command.addAll(Arrays.asList(words.stream().map(Object::toString).toArray(String[]::new)));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
    }
}

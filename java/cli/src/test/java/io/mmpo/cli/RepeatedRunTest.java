package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The same run in two processes leaves the same bytes. Within one process an iteration over a Map.of has one order, between two it
 * has two.
 */
class RepeatedRunTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "bf16=true optim=adamw_8bit",
                "bf16=true save_dtype=bfloat16 save_rounding=stochastic",
                "bf16=true dtype=bfloat16",
                "use_peft=true lora_dropout=0.1 lora_target_modules=all-linear"
            })
    void leavesTheSameBytes(String keys) throws Exception {
        TinyRun run = TinyRun.in(directory);
        Map<String, String> first = RunFiles.of(train(run, "first", keys));
        Map<String, String> second = RunFiles.of(train(run, "second", keys));
        assertThat(first).containsKeys("metrics.jsonl", "config.yaml", "checkpoint-4/optimizer.safetensors");
        assertThat(second).isEqualTo(first);
    }

    private Path train(TinyRun run, String name, String keys) throws Exception {
        Path output = directory.resolve(name);
        List<Object> words = new ArrayList<>(List.of("train", run.config(), "output_dir=" + output));
        words.addAll(List.of("save_strategy=steps", "save_steps=2", "eval_strategy=steps", "eval_steps=2"));
        words.addAll(List.of("eval_dataset_name=" + run.rows(), "cache_dir=no"));
        words.addAll(List.of(keys.split(" ")));
        Process process = CliProcess.start(words.toArray());
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(said).isZero();
        return output;
    }
}

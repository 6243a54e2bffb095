package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PlanCommandTest {
    @TempDir
    Path directory;

    private Path config;

    /** Sizes of Llama-3-8B; there are no weights, and no data. */
    @BeforeEach
    void writeSizes() throws IOException {
        Files.writeString(directory.resolve("config.json"), """
                {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 128256, "hidden_size": 4096,
                 "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
                 "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 500000.0, "hidden_act": "silu",
                 "tie_word_embeddings": false, "torch_dtype": "bfloat16"}
                """);
        config = Files.writeString(directory.resolve("run.yaml"), """
                model_name_or_path: %s
                dataset_name: pairs.jsonl
                per_device_train_batch_size: 2
                gradient_accumulation_steps: 16
                max_length: 2312
                max_prompt_length: 1800
                max_completion_length: 512
                max_steps: 1000
                """.formatted(directory));
    }

    @Test
    void saysWhatFits() {
        Cli cli = Cli.run("plan", config, "--gpus", 4, "--gpu-memory", "192GiB", "zero_stage=0")
                .succeeds();
        assertThat(cli.out())
                .contains("8,030,261,248 parameters, 8,030,261,248 of them trained (100.00%)")
                .contains("2 rows of up to 2,824 tokens each (max_length and its kin), at most 5,648 tokens at a time")
                .contains("128 rows: 16 micro-batches on 4 devices")
                .containsPattern("weights, bfloat16 +14\\.96\n")
                .containsPattern("gradients, float32 +29\\.92\n")
                .containsPattern("optimizer state +59\\.83\n")
                .containsPattern(
                        "time +\\d+\\.\\d\\d s a step at most, if 40% of 989 TFLOP/s are reached, \\d+ h \\d+ min for 1,000 steps")
                .contains("fits in 192GiB");
        assertThat(directory.toFile().list()).containsExactlyInAnyOrder("config.json", "run.yaml");
    }

    /** What fits no device alone fits each of eight that divide it. */
    @Test
    void devicesDivideWhatAStageDivides() {
        Cli alone = Cli.run("plan", config, "--gpu-memory", "100GiB");
        assertThat(alone.exitCode()).isEqualTo(ExitCode.ENVIRONMENT);
        Cli cli = Cli.run("plan", config, "--nodes", 2, "--gpus-per-node", 4, "--gpu-memory", "100GiB")
                .succeeds();
        assertThat(cli.out())
                .contains("memory of each GPU (device=cpu counts a process on a CPU), GiB (zero_stage 2)")
                .containsPattern("master weights, float32 +3\\.74\n")
                .containsPattern("optimizer state +7\\.48\n")
                .containsPattern("gradients and weights on their way +\\d")
                .containsPattern("(?m)^ +1 +32 +\\d+ +100% ")
                .containsPattern("(?m)^ +4 +128 +\\d+ +\\d+% ")
                .containsPattern("(?m)^ +8 +256 +\\d+ +\\d+% ");
    }

    @Test
    void saysWhatToChangeWhereItDoesNotFit() {
        Cli cli = Cli.run("plan", config, "--gpu-memory", "80GiB", "gradient_checkpointing=false");
        assertThat(cli.exitCode()).as(cli.err()).isEqualTo(ExitCode.ENVIRONMENT);
        assertThat(cli.out())
                .contains("does not fit in 80GiB")
                .contains("with gradient_checkpointing=selective: ")
                .contains("with per_device_train_batch_size=1 gradient_accumulation_steps=32: ")
                .contains("with optim=adamw_8bit: ")
                .containsPattern("with use_peft=true lora_r=16: \\d+\\.\\d\\d GiB, fits")
                .doesNotContain("a smaller max_length");
    }

    @Test
    void thePapersAdapterFitsOneDevice() {
        Cli cli = Cli.run(
                        "plan",
                        config,
                        "--gpu-memory",
                        "80GiB",
                        "use_peft=true",
                        "lora_r=64",
                        "lora_target_modules=[q_proj, k_proj, v_proj, o_proj]",
                        "optim=adamw_8bit")
                .succeeds();
        assertThat(cli.out()).contains("8,084,787,200 parameters, 54,525,952 of them trained (0.67%)", "fits in 80GiB");
    }

    @Test
    void withoutASizeItOnlyCounts() {
        assertThat(Cli.run("plan", config).succeeds().out())
                .doesNotContain("fits")
                .doesNotContain("fit in");
    }

    @Test
    void whatItCannotReadIsAnError() {
        Cli.run("plan", config, "--gpu-memory", "80").failsWith(ExitCode.CONFIGURATION, "80GiB", "got '80'");
        Cli.run("plan", config, "--mfu", "40").failsWith(ExitCode.CONFIGURATION, "--mfu must be in (0, 1]");
        Cli.run("plan", config, "--gpus", "0").failsWith(ExitCode.CONFIGURATION, "--gpus-per-node");
        Cli.run("plan", config, "--nodes", "0").failsWith(ExitCode.CONFIGURATION, "--nodes");
        Cli.run("plan", config, "--link", "0").failsWith(ExitCode.CONFIGURATION, "--link must be above 0");
        Cli.run("plan", config, "model_name_or_path=" + directory.resolve("none"))
                .failsWith(ExitCode.DATA, "none", "does not exist");
    }

    /** Steps are made, and no file is left. */
    @Test
    void measuresTheFirstStepsOnThisMachine() throws IOException {
        Path rows = directory.resolve("rows.jsonl");
        String row =
                "{\"prompt\": \"Once upon a time %d\", \"chosen\": \" there was a cat.\", \"rejected\": \" no.\"}\n";
        for (int i = 0; i < 20; i++) {
            Files.writeString(rows, row.formatted(i), StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
        Path run = Files.writeString(directory.resolve("small.yaml"), """
                model_name_or_path: %s
                dataset_name: %s
                output_dir: %s
                loss_type: dpo
                per_device_train_batch_size: 2
                num_train_epochs: 7
                device: cpu
                """.formatted(
                        SharedFiles.path("models/stories260k"), rows, directory.resolve("run")));
        Cli cli = Cli.run("plan", run, "--measure", "--measure-steps", 4).succeeds();
        assertThat(cli.out())
                .containsPattern("measured +[0-9.e-]+ s a step on this machine \\(mean of 3, .*GiB at most")
                .containsPattern("the run +0 min \\d+ s for 70 steps, 0 min \\d+ s of it for the reference");
        assertThat(directory.resolve("run")).doesNotExist();
        Cli.run("plan", run, "--measure", "--measure-steps", 1)
                .failsWith(ExitCode.CONFIGURATION, "--measure-steps must be at least 2");
        Cli.run(
                        "plan",
                        run,
                        "--measure",
                        "--measure-steps",
                        2,
                        "eval_strategy=epoch",
                        "eval_tasks=piqa",
                        "eval_tasks_limit=4",
                        "eval_tasks_data=" + SharedFiles.path("data/lm_eval"))
                .succeeds();
        Cli.run("plan", run, "--measure", "max_steps=1").failsWith(ExitCode.CONFIGURATION, "max_steps is 1");
    }
}

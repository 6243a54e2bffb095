package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bad input ends with the right exit code and one clear paragraph, and with nothing written. */
class BadInputTest {
    @TempDir
    Path directory;

    private TinyRun run;

    @BeforeEach
    void makeRun() throws IOException {
        run = TinyRun.with(directory, TinyRun.copyOfModel(directory), "");
    }

    @AfterEach
    void nothingIsWritten() {
        // Without the reference data there is no run, and the test was skipped.
        if (run != null) {
            assertThat(run.output()).doesNotExist();
        }
    }

    @Test
    void missingFiles() {
        Cli.run("train", directory.resolve("none.yaml"))
                .failsWith(ExitCode.CONFIGURATION, "There is no configuration file", "none.yaml");
        run.train("dataset_name=" + directory.resolve("none.jsonl")).failsWith(ExitCode.DATA, "none.jsonl");
        run.train("model_name_or_path=" + directory.resolve("none"))
                .failsWith(ExitCode.DATA, directory.resolve("none").toString());
    }

    @Test
    void textRowsForAModelWithoutTokenizer() throws IOException {
        Files.writeString(run.rows(), "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"c\"}\n");
        run.train()
                .failsWith(
                        ExitCode.DATA,
                        "tokenizer.json",
                        directory.resolve("model").toString());
    }

    @Test
    void truncatedWeights() throws IOException {
        Path weights = run.model().resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        Files.write(weights, Arrays.copyOf(bytes, bytes.length / 2));
        run.train().failsWith(ExitCode.DATA, weights.toString());
    }

    @Test
    void lyingWeights() throws IOException {
        Path weights = run.model().resolve("model.safetensors");
        try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
            file.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(Long.MAX_VALUE)
                    .array());
        }
        run.train().failsWith(ExitCode.DATA, weights.toString(), "header");
    }

    @Test
    void weightsThatAreNotNumbers() throws IOException {
        Path weights = run.model().resolve("model.safetensors");
        try (RandomAccessFile file = new RandomAccessFile(weights.toFile(), "rw")) {
            file.seek(file.length() - 4);
            file.write(ByteBuffer.allocate(4)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat(Float.NaN)
                    .array());
        }
        run.train().failsWith(ExitCode.DATA, weights.toString(), "finite");
    }

    @Test
    void emptyDataSet() throws IOException {
        Files.writeString(run.rows(), "");
        run.train().failsWith(ExitCode.DATA, run.rows().toString());
    }

    @Test
    void rowWithoutChosen() throws IOException {
        Files.writeString(
                run.rows(), Files.readAllLines(run.rows()).getFirst() + "\n{\"prompt\": \"a\", \"rejected\": \"c\"}\n");
        run.train().failsWith(ExitCode.DATA, run.rows().toString(), "2", "chosen");
    }

    @Test
    void tokenOutsideTheVocabulary() throws IOException {
        Files.writeString(run.rows(), "{\"prompt_ids\": [1], \"chosen_ids\": [99999], \"rejected_ids\": [2]}\n");
        run.train().failsWith(ExitCode.DATA, "Row 1 of the training data has the token id 99999", "320 tokens");
    }

    @Test
    void unknownKeyAndBetaZero() throws IOException {
        run.train("learning_rat=1").failsWith(ExitCode.CONFIGURATION, "did you mean learning_rate?");
        run.train("beta=0").failsWith(ExitCode.CONFIGURATION, "beta must be > 0, got 0");
        Files.writeString(run.config(), Files.readString(run.config()) + "learning_rat: 1\n");
        run.train().failsWith(ExitCode.CONFIGURATION, run.config() + ":");
    }

    @Test
    void anOutputDirectoryThatCannotBeMade() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "");
        run.train("output_dir=" + file.resolve("run"))
                .failsWith(ExitCode.ENVIRONMENT, file.resolve("run").toString());
    }

    @Test
    void anUnknownArchitecture() throws IOException {
        Path config = run.model().resolve("config.json");
        String text = Files.readString(config)
                .replace("LlamaForCausalLM", "MambaForCausalLM")
                .replace("\"llama\"", "\"mamba\"");
        Files.writeString(config, text);
        run.train().failsWith(ExitCode.DATA, "mamba", "LlamaForCausalLM", config.toString());
    }

    @Test
    void otherCommandsFailTheSameWay() {
        Path output = directory.resolve("out.jsonl");
        Cli.run("logprobs", "--model", run.model(), "--data", directory.resolve("none.jsonl"), "--output", output)
                .failsWith(ExitCode.DATA, "none.jsonl");
        Cli.run(
                        "logprobs",
                        "--model",
                        run.model(),
                        "--data",
                        run.rows(),
                        "--output",
                        directory.resolve("none/out.jsonl"))
                .failsWith(ExitCode.ENVIRONMENT, "none/out.jsonl");
        Cli.run("generate", "--model", run.model(), "--prompt", "a").failsWith(ExitCode.DATA, "tokenizer.json");
        assertThat(directory.toFile().list()).containsExactlyInAnyOrder("model", "rows.jsonl", "config.yaml");
    }
}

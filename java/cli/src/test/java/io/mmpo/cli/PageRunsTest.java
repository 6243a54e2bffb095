package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.nativelib.NativeLibrary;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The commands of README.md and docs/quickstart.md run one after another, as a reader types them, in a directory that has what they
 * speak of: the quickstart's files (its small model), and a model and pairs under the names of the pages.
 */
class PageRunsTest {
    /** What the pages' commands read and write, below the directory that a reader is in. */
    private static final Set<String> FILES =
            Set.of("mmpo-quickstart", "models", "runs", "pairs.jsonl", "config.yaml", "report");

    private static int threads;

    @TempDir
    Path directory;

    /** The model is so small that a second thread of a busy machine is only waited for. */
    @BeforeAll
    static void computeOnOneThread() {
        NativeLibrary.load();
        threads = NativeLibrary.numThreads();
        NativeLibrary.setNumThreads(1);
    }

    @AfterAll
    static void restoreThreads() {
        NativeLibrary.setNumThreads(threads);
    }

    @Test
    void everyCommandOfTheFirstPagesRuns() throws IOException {
        QuickstartFiles.copy(QuickstartFiles.directory(), directory.resolve("mmpo-quickstart"));
        QuickstartFiles.copyOfModel(directory.resolve("models/SmolLM2-135M-Instruct"));
        Files.write(directory.resolve("pairs.jsonl"), QuickstartFiles.pairs());
        run(Markdown.read(Markdown.ROOT.resolve("docs/quickstart.md")));
        assertThat(directory.resolve("mmpo-quickstart/mmpo-lambda-2/final")).isDirectory();
        assertThat(directory.resolve("mmpo-quickstart/report/index.html")).isRegularFile();
        assertThat(directory.resolve("runs/first/final/model.safetensors")).isRegularFile();
        assertThat(directory.resolve("report/index.html")).isRegularFile();
        QuickstartFiles.delete(directory.resolve("runs"));
        run(Markdown.read(Markdown.ROOT.resolve("README.md")));
        assertThat(directory.resolve("runs/first/final/model.safetensors")).isRegularFile();
    }

    private void run(Markdown page) throws IOException {
        for (Markdown.Block block : page.blocks()) {
            if (block.text().startsWith("# config.yaml")) {
                Files.writeString(directory.resolve("config.yaml"), block.text());
            }
        }
        for (ShellCommand command : ShellCommand.of(page)) {
            String name = command.words().getFirst();
            if (name.equals("quickstart")) { // it is what made the files
                continue;
            }
            List<Object> words = new ArrayList<>(List.of(name));
            command.words().stream().skip(1).map(this::here).forEach(words::add);
            if (name.equals("train")) {
                words.addAll(List.of("max_steps=2", "cache_dir=no"));
            }
            if (command.words().contains("config.yaml")) {
                words.addAll(List.of(
                        "model_name_or_path=" + directory.resolve("models/SmolLM2-135M-Instruct"),
                        "dataset_name=" + directory.resolve("pairs.jsonl"),
                        "output_dir=" + directory.resolve("runs/first")));
            }
            assertThat(Cli.run(words.toArray())).as(command.toString()).satisfies(Cli::succeeds);
        }
    }

    /** A word that names a file of the reader's directory, wherever this process is. */
    private String here(String word) {
        int value = word.indexOf('=') + 1;
        String name = word.substring(value);
        return FILES.contains(name.split("/")[0]) ? word.substring(0, value) + directory.resolve(name) : word;
    }
}

package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A search over a tiny model's settings, broken off and gone on with. */
class TuneCommandTest {
    private static final String TWO_STAGES =
            "tune: {stages: [{learning_rate: [1e-2, 5e-4, 1e-5]}, {beta: [0.1, 0.5]}]}";

    @TempDir
    Path directory;

    private TinyRun run;

    @BeforeEach
    void write() {
        run = TinyRun.in(directory);
    }

    private Object[] words(String tune, String output, String... more) {
        try {
            Path config = directory.resolve(output + ".yaml");
            Files.writeString(config, Files.readString(run.config()) + "\n" + tune + "\n");
            return Stream.concat(
                            Stream.of(
                                    "tune",
                                    config,
                                    "output_dir=" + directory.resolve(output),
                                    "eval_dataset_name=" + run.rows(),
                                    "eval_strategy=steps",
                                    "eval_steps=2",
                                    "save_strategy=steps",
                                    "save_steps=1",
                                    "max_steps=8",
                                    "cache_dir=" + directory.resolve("cache")),
                            Stream.of(more))
                    .toArray();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private String tables(String output) throws IOException {
        StringBuilder text = new StringBuilder();
        try (Stream<Path> files = Files.list(directory.resolve(output + "/tuning/tables"))) {
            for (Path file : files.sorted().toList()) {
                text.append(file.getFileName()).append('\n').append(Files.readString(file));
            }
        }
        String best = Files.readString(directory.resolve(output + "/best.yaml"));
        return text + best.replace(directory.resolve(output).toString(), "OUTPUT");
    }

    private List<String> trials(String output) throws IOException {
        try (Stream<Path> entries = Files.list(directory.resolve(output + "/trials"))) {
            return entries.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void aSearchThatIsKilledTwiceComesToTheSameTable() throws Exception {
        Cli whole = Cli.run(words(TWO_STAGES, "whole")).succeeds();
        assertThat(whole.out()).contains("The best is learning_rate ", "The best is beta ");
        // The second stage's beta 0.1 is a trial of the first.
        assertThat(trials("whole")).hasSize(4);
        for (int trialsBefore : new int[] {2, 2}) {
            Process process = CliProcess.start(words(TWO_STAGES, "killed"));
            BufferedReader lines = process.inputReader();
            int begun = 0;
            int saved = 0;
            for (String line = lines.readLine();
                    line != null && (begun < trialsBefore || saved < 1);
                    line = lines.readLine()) {
                begun += line.contains("computing reference") || line.startsWith("training rows") ? 1 : 0;
                saved = begun < trialsBefore ? 0 : saved + (line.startsWith("saved ") ? 1 : 0);
            }
            process.destroyForcibly().waitFor();
            assertThat(directory.resolve("killed/tuning")).doesNotExist();
        }
        Cli last = Cli.run(words(TWO_STAGES, "killed")).succeeds();
        assertThat(last.err()).contains("going on from");
        assertThat(tables("killed")).isEqualTo(tables("whole"));
        assertThat(last.out().replace("killed", "whole")).isEqualTo(whole.out());
        // Nothing is left to do, and no model of a trial is kept.
        Cli again = Cli.run(words(TWO_STAGES, "killed")).succeeds();
        assertThat(again.err()).doesNotContain("saved ");
        try (Stream<Path> files = Files.walk(directory.resolve("killed"))) {
            assertThat(files).noneMatch(file -> file.toString().endsWith(".safetensors"));
        }
    }

    @Test
    void halvingEndsTheWorseTrialsEarly() throws IOException {
        String tune = "tune: {halving: 2, stages: [{learning_rate: [1e-2, 5e-4, 1e-4, 1e-5]}]}";
        Cli run = Cli.run(words(tune, "halved")).succeeds();
        List<String> shares = Files.readAllLines(directory.resolve("halved/tuning/tables/1-learning-rate.csv")).stream()
                .skip(1)
                .map(line -> line.split(",")[4])
                .sorted()
                .toList();
        assertThat(shares).containsExactly("100", "25", "25", "50");
        assertThat(run.out()).contains(", ended at 25 %");
    }

    @Test
    void whatCannotBeSearchedIsRefusedBeforeAnythingRuns() {
        for (String[] pair : new String[][] {
            {"", "has no mapping tune"},
            {"tune: {stages: [{beta: [0.1]}]}", "less than two values"},
            {"tune: {stages: [{beta: [0.1, x]}]}", "no number: 'x'"},
            {"tune: {stages: [{beta: [0.1, 0.10]}]}", "twice"},
            {"tune: {stages: [{beta: [0.1, -1]}]}", "beta must be > 0"},
            {"tune: {stages: [{bta: [0.1, 1]}]}", "'bta', which is no key"},
            {"tune: {stages: [{mmpo_reward_epsilon: [0.1, 1]}]}", "has no effect on loss_type dpo"},
            {"tune: {halving: 1, stages: [{beta: [0.1, 1]}]}", "at least 2"},
            {"tune: {stages: []}", "needs stages"},
            {"tune: {stage: []}", "has no key 'stage'"}
        }) {
            Cli.run(words(pair[0], "refused")).failsWith(ExitCode.CONFIGURATION, pair[1]);
            assertThat(directory.resolve("refused")).doesNotExist();
        }
        Object[] blind = Stream.of(words(TWO_STAGES, "blind"))
                .map(word -> word.equals("eval_strategy=steps") ? "eval_strategy=no" : word)
                .toArray();
        Cli.run(blind).failsWith(ExitCode.CONFIGURATION, "these trials would not be evaluated");
    }
}

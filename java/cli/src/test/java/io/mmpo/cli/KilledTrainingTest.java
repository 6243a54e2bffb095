package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * kill -9 at twelve moments, then the same command again each time: the run leaves the files of one that nobody killed, byte for byte. -Dmmpo.test.seed=N repeats the moments of a run that failed.
 */
class KilledTrainingTest {
    /** How often each kind of moment comes. */
    private static final int KILLS_EACH = 4;

    private static final int KILLS = KILLS_EACH * Moment.values().length;
    private static final int STEPS = 60;
    /** From the start of the virtual machine to the first steps. */
    private static final int START_MILLIS = 1200;

    /** What is trained; every key that changes what a checkpoint holds. */
    enum Trained {
        FULL("optim=adamw_torch", "weight_decay=0.01"),
        FULL_WITH_8_BIT_ADAM("optim=adamw_8bit", "bf16=true"),
        FULL_SAVED_NARROWER("bf16=true", "save_dtype=bfloat16"),
        LORA_WITH_DROPOUT("use_peft=true", "lora_r=8", "lora_dropout=0.1", "lora_target_modules=all-linear");

        private final List<String> keys;

        Trained(String... keys) {
            this.keys = List.of(keys);
        }
    }

    private enum Moment {
        /** Anywhere from the process's start to its first steps: loading, reference log-probabilities, reading a checkpoint. */
        BY_TIME,
        /** Within some steps: computing, logging, saving, removing old checkpoints. */
        BY_STEP,
        /** While a checkpoint is being written. */
        IN_A_SAVE
    }

    @TempDir
    Path directory;

    @ParameterizedTest
    @EnumSource
    void endsAsTheRunThatNobodyKilled(Trained trained) throws Exception {
        long seed = Long.getLong("mmpo.test.seed", System.nanoTime());
        Random random = new Random(seed);
        TinyRun run = TinyRun.in(directory);
        Cli.run(words(run, trained, directory.resolve("whole")).toArray()).succeeds();

        Path killed = directory.resolve("killed");
        // The first kill finds no checkpoint yet; those between steps leave one for the next start to go on from.
        List<Moment> moments = new ArrayList<>();
        for (Moment moment : Moment.values()) {
            moments.addAll(Collections.nCopies(KILLS_EACH, moment));
        }
        Collections.shuffle(moments, random);
        int starts = 0;
        int leftovers = 0;
        while (!moments.isEmpty()) {
            assertThat(starts++)
                    .as("seed %d: starts, with %s to come", seed, moments)
                    .isLessThan(2 * KILLS);
            Process process = CliProcess.start(words(run, trained, killed).toArray());
            if (waitFor(moments.getLast(), process, killed, random)) {
                moments.removeLast();
            }
            process.destroyForcibly().waitFor();
            leftovers += incomplete(killed).isEmpty() ? 0 : 1;
        }
        assertThat(killed.resolve("final")).as("seed %d", seed).doesNotExist();
        System.out.printf("%s: seed %d, %d starts, %d saves cut short%n", trained, seed, starts, leftovers);
        assertThat(leftovers).as("seed %d: saves that were cut short", seed).isPositive();

        Cli last = Cli.run(words(run, trained, killed).toArray()).succeeds();
        assertThat(last.err()).as("seed %d", seed).contains("going on from " + killed);
        assertThat(RunFiles.of(killed)).as("seed %d", seed).isEqualTo(RunFiles.of(directory.resolve("whole")));
        assertThat(incomplete(killed)).isEmpty();
    }

    private static List<Object> words(TinyRun run, Trained trained, Path output) {
        List<Object> words = new ArrayList<>(List.of("train", run.config(), "output_dir=" + output));
        words.addAll(List.of("max_steps=" + STEPS, "logging_steps=3", "save_strategy=steps", "save_steps=1"));
        words.addAll(List.of("save_total_limit=2", "gradient_accumulation_steps=2", "resume_from_checkpoint=true"));
        words.add("cache_dir=" + output.resolveSibling(output.getFileName() + "-cache"));
        words.addAll(trained.keys);
        return words;
    }

    /** Whether the moment came before the process ended. */
    private static boolean waitFor(Moment moment, Process process, Path output, Random random) throws Exception {
        switch (moment) {
            case BY_TIME -> Thread.sleep(random.nextInt(START_MILLIS));
            case BY_STEP -> {
                BufferedReader lines = process.inputReader();
                int saved = 1 + random.nextInt(3);
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    saved -= line.startsWith("saved ") ? 1 : 0;
                    if (saved == 0) {
                        break;
                    }
                }
                Thread.sleep(random.nextInt(40));
            }
            case IN_A_SAVE -> {
                int before = incomplete(output).size(); // an earlier kill's, until the run removes it
                while (process.isAlive() && incomplete(output).size() <= before) {
                    before = Math.min(before, incomplete(output).size());
                    Thread.onSpinWait();
                }
                Thread.sleep(0, random.nextInt(1_000_000));
            }
        }
        return process.isAlive();
    }

    /** Checkpoints that are being written, or were when the process was killed. */
    private static List<String> incomplete(Path output) {
        String[] names = output.toFile().list((parent, name) -> name.contains(".incomplete-"));
        return names == null ? List.of() : List.of(names);
    }
}

package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.mmpo.files.AtomicDirectory;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Disks that are full, or may not be written, and checkpoints that were spoilt: what is said, and what is left. */
class StorageTest {
    private static final String[] SAVING = {"save_strategy=steps", "save_steps=1"};

    @TempDir
    Path directory;

    private Path disk;

    @AfterEach
    void unmount() throws Exception {
        if (disk != null) {
            run("umount", disk.toString());
        }
    }

    @Test
    void aDiskWithoutRoomIsKnownBeforeTheFirstStep() throws Exception {
        mountDisk("3m"); // one checkpoint, not four
        Cli run = train("output_dir=" + disk.resolve("run"));
        run.failsWith(ExitCode.ENVIRONMENT, "has room for", "4 checkpoints", "save_total_limit");
        assertThat(run.err()).doesNotContain("step 1/4");
        assertThat(disk.resolve("run/checkpoint-1")).doesNotExist();
        assertThat(disk.resolve("run/final")).doesNotExist();
    }

    /** Another process takes the room that there was at the start. */
    @Test
    void aDiskThatFillsUpKeepsWhatWasSaved() throws Exception {
        String[] settings = {"max_steps=40", "save_total_limit=2"};
        Path whole = directory.resolve("whole");
        train(with(settings, "output_dir=" + whole)).succeeds();
        mountDisk("10m");
        Path run = disk.resolve("run");
        Thread filler = Thread.ofPlatform().daemon().start(() -> fillOnceThereIs(run.resolve("checkpoint-1")));
        train(with(settings, "output_dir=" + run)).failsWith(ExitCode.ENVIRONMENT, "No space left on device");
        filler.interrupt();
        filler.join();
        List<Path> kept = Stream.of(run.toFile().listFiles())
                .map(File::toPath)
                .filter(path -> path.getFileName().toString().startsWith("checkpoint-"))
                .toList();
        assertThat(kept)
                .isNotEmpty()
                .allSatisfy(path -> assertThat(AtomicDirectory.problem(path)).isEmpty());
        assertThat(run.resolve("final")).doesNotExist();

        Path elsewhere = directory.resolve("elsewhere");
        train(with(settings, "output_dir=" + elsewhere, "resume_from_checkpoint=" + kept.getFirst()))
                .succeeds();
        assertThat(elsewhere.resolve("final/model.safetensors"))
                .hasSameBinaryContentAs(whole.resolve("final/model.safetensors"));
    }

    private static String[] with(String[] settings, String... more) {
        return Stream.of(settings, more).flatMap(Stream::of).toArray(String[]::new);
    }

    /** Takes all the room there is, and what becomes free again, until it is interrupted. */
    private void fillOnceThereIs(Path checkpoint) {
        byte[] block = new byte[4096];
        try (OutputStream file = Files.newOutputStream(disk.resolve("filler"))) {
            while (!Files.exists(checkpoint)) {
                Thread.sleep(1);
            }
            while (!Thread.interrupted()) {
                try {
                    file.write(block);
                } catch (IOException e) {
                    Thread.sleep(1); // full for now
                }
            }
        } catch (IOException | InterruptedException e) {
            // The test is over.
        }
    }

    @Test
    void aDiskThatMayNotBeWrittenIsToldOf() throws Exception {
        mountDisk("10m");
        Path run = disk.resolve("run");
        train("output_dir=" + run, "max_steps=1").succeeds();
        run("mount", "-o", "remount,ro", disk.toString());
        train("output_dir=" + disk.resolve("new")).failsWith(ExitCode.ENVIRONMENT, "new", "Read-only file system");
        train("output_dir=" + run, "max_steps=1", "resume_from_checkpoint=true")
                .failsWith(ExitCode.ENVIRONMENT, run.toString(), "cannot be written");
        assertThat(AtomicDirectory.problem(run.resolve("final"))).isEmpty();
    }

    @Test
    void aSpoiltCheckpointAndAnotherConfigurationHaveTheirExitCodes() throws Exception {
        Path run = directory.resolve("run");
        train("output_dir=" + run).succeeds();
        Path newest = run.resolve("checkpoint-4");
        Path moments = newest.resolve("optimizer.safetensors");
        byte[] bytes = Files.readAllBytes(moments);
        bytes[bytes.length / 2] ^= 4;
        Files.write(moments, bytes);
        train("output_dir=" + run, "resume_from_checkpoint=" + newest)
                .failsWith(ExitCode.DATA, "optimizer.safetensors was changed");
        train("output_dir=" + run, "resume_from_checkpoint=true", "learning_rate=1e-4")
                .failsWith(ExitCode.CONFIGURATION, "checkpoint-3", "learning_rate was 5.0E-4 and is 1.0E-4");
        assertThat(AtomicDirectory.problem(run.resolve("checkpoint-3"))).isEmpty();
        Cli resumed = train("output_dir=" + run, "resume_from_checkpoint=true").succeeds();
        assertThat(resumed.err())
                .contains("warning: passing over " + newest)
                .contains("going on from " + run.resolve("checkpoint-3"));
        assertThat(AtomicDirectory.problem(newest)).isEmpty();
    }

    private Cli train(String... overrides) {
        TinyRun run = TinyRun.in(directory);
        String[] all = new String[SAVING.length + overrides.length];
        System.arraycopy(SAVING, 0, all, 0, SAVING.length);
        System.arraycopy(overrides, 0, all, SAVING.length, overrides.length);
        return run.train(all);
    }

    /** A disk of this size. */
    private void mountDisk(String size) throws IOException, InterruptedException {
        Path place = Files.createDirectory(directory.resolve("disk"));
        assumeTrue(
                run("mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", place.toString()) == 0,
                "skipped: a small tmpfs cannot be mounted here (it takes root)");
        disk = place;
    }

    private static int run(String... command) throws IOException, InterruptedException {
        return new ProcessBuilder(command).start().waitFor();
    }
}

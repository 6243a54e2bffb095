package io.mmpo.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.io.TempDir;

/** kill -9 at any moment of a save leaves a whole directory: the new one or the one before. */
class KilledSaveTest {
    private static final int FILES = 20;

    @TempDir
    Path parent;

    @RepeatedTest(5)
    void leavesAWholeDirectory() throws Exception {
        Path target = parent.resolve("final");
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xshare:auto",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        KilledSaveTest.class.getName(),
                        target.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try (BufferedReader output = process.inputReader()) {
            assertThat(output.readLine()).isEqualTo("saved once");
            Thread.sleep(new Random().nextInt(100));
        } finally {
            process.destroyForcibly().waitFor();
        }
        AtomicDirectory.removeLeftovers(parent);
        try (Stream<Path> paths = Files.list(parent)) {
            assertThat(paths).containsExactly(target);
        }
        assertThat(AtomicDirectory.isValid(target)).isTrue();
        String round = Files.readString(target.resolve("0"));
        for (int i = 0; i < FILES; i++) {
            assertThat(target.resolve(Integer.toString(i))).hasContent(round);
        }
    }

    /** Saves again and again until it is killed. */
    public static void main(String[] arguments) throws IOException {
        for (int round = 0; ; round++) {
            try (AtomicDirectory directory = AtomicDirectory.create(Path.of(arguments[0]))) {
                for (int i = 0; i < FILES; i++) {
                    Files.writeString(directory.path().resolve(Integer.toString(i)), "round " + round);
                }
                directory.commit();
            }
            if (round == 0) {
                System.out.println("saved once");
            }
        }
    }
}

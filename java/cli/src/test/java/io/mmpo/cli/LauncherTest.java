package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher's own functions, without a build. */
class LauncherTest {
    private static final String PRINT_NAME = """
            import java.nio.file.*;
            class PrintName {
                public static void main(String[] arguments) throws Exception {
                    System.out.print(Files.readString(Path.of(arguments[0])));
                }
            }
            """;

    @TempDir
    Path directory;

    /** In the C locale, which cron and many containers have, the JVM finds no file with a letter beyond ASCII in its name. */
    @Test
    void theJvmGetsALocaleInWhichEveryNameCanBeWritten() throws Exception {
        String functions = "source '" + Markdown.ROOT.resolve("tools/start.sh") + "'; ";
        Path program = Files.writeString(directory.resolve("PrintName.java"), PRINT_NAME);
        Files.writeString(directory.resolve("grüße-文.txt"), "found");
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        for (String locale : List.of("C", "POSIX", "xx_XX.UTF-8", "")) {
            ProcessBuilder builder = new ProcessBuilder(
                    "bash",
                    "-c",
                    functions + "use_utf8_locale; exec '" + java + "' '" + program + "' '" + directory
                            + "/grüße-文.txt'");
            builder.environment().keySet().removeIf(name -> name.startsWith("LC_") || name.equals("LANG"));
            if (!locale.isEmpty()) {
                builder.environment().put("LC_ALL", locale);
            }
            Process process = builder.redirectError(new File("/dev/null")).start();
            assertThat(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                    .as("LC_ALL=%s", locale)
                    .isEqualTo("found");
        }
    }

    /**
     * A distribution, unpacked: its launcher finds the runtime by JAVA_HOME and its jars beside itself, through a link on the PATH too,
     * in an environment that has nothing else. The jars are those of this test.
     */
    @Test
    void aDistributionStartsInACleanEnvironment() throws Exception {
        Path lib = Files.createDirectories(directory.resolve("mmpo dist/lib"));
        Path bin = Files.createDirectories(directory.resolve("mmpo dist/bin"));
        Files.copy(Markdown.ROOT.resolve("dist/bin/mmpo"), bin.resolve("mmpo"), StandardCopyOption.COPY_ATTRIBUTES);
        for (String script : List.of("find_jdk.sh", "start.sh")) {
            Files.copy(Markdown.ROOT.resolve("tools").resolve(script), lib.resolve(script));
        }
        Path link = Files.createSymbolicLink(directory.resolve("mmpo-link"), bin.resolve("mmpo"));
        String options = "-Xbootclasspath/a:" + System.getProperty("java.class.path");
        Process process = run(List.of("MMPO_JAVA_OPTS=" + options), link.toString(), "eval", "alpaca", "--help");
        assertThat(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
                .startsWith("Usage: mmpo eval alpaca");
        assertThat(process.waitFor()).isZero();
    }

    /** With a JAVA_HOME and an ordinary PATH, and nothing else but what is given. */
    private static Process run(List<String> environment, String... command) throws IOException {
        List<String> words = new ArrayList<>(
                List.of("env", "-i", "PATH=/usr/bin:/bin", "JAVA_HOME=" + System.getProperty("java.home")));
        words.addAll(environment);
        words.addAll(List.of(command));
        return new ProcessBuilder(words).redirectErrorStream(true).start();
    }
}

package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
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
        Path launcher = launcher();
        String script = Files.readString(launcher);
        int start = script.indexOf("use_utf8_locale() {");
        String function = script.substring(start, script.indexOf("\n}\n", start) + 3);
        Path program = Files.writeString(directory.resolve("PrintName.java"), PRINT_NAME);
        Files.writeString(directory.resolve("grüße-文.txt"), "found");
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        for (String locale : List.of("C", "POSIX", "xx_XX.UTF-8", "")) {
            ProcessBuilder builder = new ProcessBuilder(
                    "bash",
                    "-c",
                    function + "use_utf8_locale; exec '" + java + "' '" + program + "' '" + directory
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
        assertThat(script.substring(script.indexOf("\n}\n", start))).contains("\nuse_utf8_locale\n");
    }

    private static Path launcher() throws IOException {
        Path path = Path.of("").toRealPath();
        while (!Files.isExecutable(path.resolve("mmpo"))) {
            path = path.getParent();
        }
        return path.resolve("mmpo");
    }
}

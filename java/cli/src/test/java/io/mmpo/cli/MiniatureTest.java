package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** examples/miniature/run from the model to the report, at its tiny size; and again where it was broken off. */
@Timeout(600)
class MiniatureTest {
    @TempDir
    Path directory;

    private Path mmpo;

    /** The command line of this build, as the launcher would start it. */
    @BeforeEach
    void writeLauncher() throws IOException {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        mmpo = directory.resolve("mmpo");
        Files.createFile(mmpo, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        Files.writeString(mmpo, """
                #!/bin/sh
                exec '%s' --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow -XX:+UseSerialGC \
                -XX:TieredStopAtLevel=1 -cp '%s' %s "$@"
                """.formatted(java, System.getProperty("java.class.path"), Main.class.getName()));
    }

    private String run(Path work) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                Markdown.ROOT.resolve("examples/miniature/run").toString(), work.toString());
        builder.environment().put("SIZE", "tiny");
        builder.environment()
                .put("MODEL", SharedFiles.path("models/stories260k").toString());
        builder.environment().put("MMPO", mmpo.toString());
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        Process process = builder.redirectErrorStream(true).start();
        String words = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(words).isZero();
        return words;
    }

    @Test
    void leadsFromTheModelToTheReportAndGoesOnWhereItStopped() throws Exception {
        Path work = directory.resolve("miniature");
        run(work);
        Path evaluations = work.resolve("report/tables/evaluations.csv");
        List<String> rows = Files.readAllLines(evaluations);
        for (String method : List.of("mmpo", "dpo", "simpo")) {
            assertThat(rows).anyMatch(row -> row.matches(method + "-[^,]*,checkpoint-\\d+,1,[0-9.]+,,[0-9.]+,[0-9.]+"));
        }
        String page = Files.readString(work.resolve("report/index.html"));
        assertThat(page).contains("Win-rate and accuracy by checkpoint");

        Path lost = Files.list(work.resolve("runs/dpo-0.05-seed1/eval"))
                .toList()
                .getFirst()
                .resolve("score.json");
        Files.delete(lost);
        QuickstartFiles.delete(work.resolve("report"));
        List<String> made =
                run(work).lines().filter(line -> line.matches("[0-9:]{8}  .*")).toList();
        assertThat(made)
                .extracting(line -> line.substring(10))
                .containsExactly(work.relativize(lost).toString(), "report");
        assertThat(Files.readAllLines(evaluations)).isEqualTo(rows);
        assertThat(Files.readString(work.resolve("report/index.html"))).isEqualTo(page);
    }
}

package io.mmpo.data.rows;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DuckDbDriverTest {
    @TempDir
    Path directory;

    @Test
    void aProcessKilledWhileItReadsParquetLeavesOneCopyInTheCacheAndNothingElse() throws Exception {
        Path temporary = Files.createDirectory(directory.resolve("tmp"));
        for (int i = 0; i < 2; i++) {
            Process process = start(temporary);
            assertThat(process.inputReader().readLine()).isEqualTo("open");
            process.destroyForcibly().waitFor();
        }
        assertThat(temporary).isEmptyDirectory();
        assertThat(libraries()).hasSize(1);
    }

    private List<Path> libraries() throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(
                            file -> Files.isRegularFile(file) && file.toFile().length() > 1 << 20)
                    .toList();
        }
    }

    private Process start(Path temporary) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "-XX:-UsePerfData",
                "-Djava.io.tmpdir=" + temporary,
                "-cp",
                System.getProperty("java.class.path"),
                Reader.class.getName());
        builder.environment().put("XDG_CACHE_HOME", directory.resolve("cache").toString());
        return builder.redirectErrorStream(true).start();
    }

    static final class Reader {
        @SuppressWarnings("try") // it is killed
        public static void main(String[] arguments) throws InterruptedException {
            try (DuckDb database = DuckDb.open()) {
                System.out.println("open");
                Thread.sleep(60_000);
            }
        }
    }
}

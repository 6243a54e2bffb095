package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.data.rows.DuckDb;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.bytedeco.pytorch.ProcessGroupGloo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Everything that the library and what it uses unpack or keep lies where MMPO_CACHE says. */
@Timeout(180)
class OneCacheTest {
    private static final List<String> SETTINGS = List.of(
            "org.bytedeco.javacpp.cachedir",
            "jna.tmpdir",
            "DJL_CACHE_DIR",
            "RUST_FLAVOR",
            "ai.djl.offline",
            "OPT_OUT_TRACKING");

    @TempDir
    Path directory;

    @Test
    void oneSettingMovesAllThatIsKeptAndNoPropertyIsLeftSet() throws IOException, InterruptedException {
        Path model = ChattingModel.copyTo(Files.createDirectory(directory.resolve("model")));
        Path lines = Files.writeString(directory.resolve("pairs.jsonl"), """
                {"prompt": "Is the cat big?", "chosen": " The cat was very big.", "rejected": " No no no."}
                """);
        Path home = Files.createDirectory(directory.resolve("home"));
        Path temporary = Files.createDirectory(directory.resolve("tmp"));
        Path work = Files.createDirectory(directory.resolve("work"));
        String libtorch = System.getProperty("mmpo.libtorch", "");
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-XX:-UsePerfData",
                        "-Xmx512m",
                        "-Duser.home=" + home,
                        "-Djava.io.tmpdir=" + temporary,
                        "-Dmmpo.libtorch=" + libtorch,
                        "-cp",
                        System.getProperty("java.class.path"),
                        OneCacheTest.class.getName(),
                        model.toString(),
                        lines.toString())
                .directory(work.toFile())
                .redirectErrorStream(true);
        builder.environment().put("HOME", home.toString());
        builder.environment().put("MMPO_CACHE", directory.resolve("cache").toString());
        builder.environment().keySet().removeAll(Set.of("XDG_CACHE_HOME", "DJL_CACHE_DIR", "ENGINE_CACHE_DIR"));
        Path out = directory.resolve("out.txt");
        Process process = builder.redirectOutput(out.toFile()).start();
        assertThat(process.waitFor(150, TimeUnit.SECONDS)).isTrue();
        String text = Files.readString(out);
        assertThat(process.exitValue()).as(text).isZero();
        assertThat(text).contains("trained 3\n", "settings []\n");

        for (Path empty : List.of(home, temporary, work)) {
            assertThat(files(empty)).isEmpty();
        }
        try (Stream<Path> entries = Files.list(directory.resolve("cache"))) {
            assertThat(entries.map(entry -> entry.getFileName().toString()))
                    .containsExactlyInAnyOrder("djl", "duckdb", "javacpp", "jna", "native", "reference", "tokens");
        }
    }

    private static List<Path> files(Path directory) throws IOException {
        try (Stream<Path> found = Files.walk(directory)) {
            return found.filter(entry -> !entry.equals(directory)).toList();
        }
    }

    /** Trains, scores rows of a file, reads Parquet's library, and loads what ranks talk with. */
    public static void main(String[] arguments) {
        try (TrainingReport report = FineTuning.of(Path.of(arguments[0]))
                .method(Method.dpo())
                .rows(Rows.file(Path.of(arguments[1])))
                .run()) {
            System.out.println("trained " + report.steps());
        }
        try (DuckDb database = DuckDb.open();
                ProcessGroupGloo.Options options = ProcessGroupGloo.Options.create()) {
            assertThat(database).isNotNull();
            assertThat(options).isNotNull();
        }
        System.out.println("settings "
                + SETTINGS.stream()
                        .filter(name -> System.getProperty(name) != null)
                        .toList());
    }
}

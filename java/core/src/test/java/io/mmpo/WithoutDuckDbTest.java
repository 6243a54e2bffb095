package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** DuckDB is the application's to leave out: only what needs it says that it is missing, in one paragraph. */
@Timeout(180)
class WithoutDuckDbTest {
    private static final String PARAGRAPH =
            "EnvironmentException: DuckDB, which reads and writes Parquet, is not on the class path. Add org.duckdb:duckdb_jdbc; without it"
                    + " rows are to be JSON or CSV, and reference log-probabilities are not kept from run to run: cache_dir: no.";

    @TempDir
    Path directory;

    @Test
    void rowsInMemoryAndJsonLinesTrainAndParquetIsRefused() throws IOException, InterruptedException {
        Path model = ChattingModel.copyTo(Files.createDirectory(directory.resolve("model")));
        Path parquet = SharedFiles.path("data/preference/parquet/ultrafeedback_binarized.parquet");
        Path lines = Files.writeString(directory.resolve("pairs.jsonl"), """
                {"prompt": "Is the cat big?", "chosen": " The cat was very big.", "rejected": " No no no."}
                {"prompt": "What did Tom see?", "chosen": " Tom saw a red ball.", "rejected": " Tom."}
                """);
        Path source = Files.writeString(directory.resolve("Program.java"), """
                import io.mmpo.*;

                void main(String[] arguments) {
                    Path model = Path.of(arguments[0]);
                    train("memory", model, Rows.of(new Row.Pair("Is the cat big?", "The cat was very big.", "No.")), "keep");
                    train("lines", model, Rows.file(Path.of(arguments[1])), "no");
                    train("lines whose reference is kept", model, Rows.file(Path.of(arguments[1])), arguments[3]);
                    train("parquet", model, Rows.file(Path.of(arguments[2])), "no");
                }

                void train(String name, Path model, Rows rows, String cache) {
                    try (TrainingReport report = FineTuning.of(model).method(Method.dpo()).rows(rows).set("cache_dir", cache).run()) {
                        IO.println(name + ": trained " + report.steps());
                    } catch (MmpoException e) {
                        IO.println(name + ": " + e.getClass().getSimpleName() + ": " + e.getMessage());
                    }
                }
                """);
        Path classes = Files.createDirectory(directory.resolve("classes"));
        Application.compile("-d", classes.toString(), "-cp", Application.classPath(), source.toString());
        Application.Ended ended = Application.run(
                directory,
                "-Xmx512m",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                Application.classPath() + File.pathSeparator + classes,
                "Program",
                model.toString(),
                lines.toString(),
                parquet.toString(),
                directory.resolve("cache").toString());
        assertThat(ended.status()).as(ended.text()).isZero();
        assertThat(ended.text().lines().filter(line -> !line.startsWith("SLF4J")))
                .containsExactly(
                        "memory: trained 3",
                        "lines: trained 3",
                        "lines whose reference is kept: " + PARAGRAPH,
                        "parquet: " + PARAGRAPH);
    }
}

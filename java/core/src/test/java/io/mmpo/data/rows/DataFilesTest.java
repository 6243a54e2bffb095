package io.mmpo.data.rows;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.data.RowKind;
import io.mmpo.data.TestRows;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.hub.FakeHub;
import io.mmpo.hub.HubRepository;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DataFilesTest {
    @TempDir
    private Path directory;

    private void touch(String... files) throws IOException {
        for (String file : files) {
            Path path = directory.resolve(file);
            Files.createDirectories(path.getParent());
            Files.writeString(path, "");
        }
    }

    private String find(String name, String config, String split) {
        List<Path> found =
                DataFiles.find(directory.resolve(name).toString(), Optional.ofNullable(config), split, message -> {});
        return String.join(
                " ",
                found.stream()
                        .map(file -> directory.relativize(file).toString())
                        .toList());
    }

    @ParameterizedTest
    @CsvSource({
        "lines, train, lines/train.jsonl",
        "lines, test, lines/test.jsonl",
        "shards, train, shards/data/train-00000-of-00002.parquet shards/data/train-00001-of-00002.parquet",
        "shards, train_prefs, shards/data/train_prefs-00000-of-00001.parquet",
        "folders, test, folders/test/a.json",
        "words, test, words/my_test_rows.csv.gz",
        "one, train, one/rows.parquet",
    })
    void splitOfADirectoryIsFoundByName(String name, String split, String files) throws IOException {
        touch("lines/train.jsonl", "lines/test.jsonl", "lines/notes.txt", "lines/.cache/train.jsonl");
        touch(
                "shards/data/train-00001-of-00002.parquet",
                "shards/data/train-00000-of-00002.parquet",
                "shards/data/train_prefs-00000-of-00001.parquet");
        touch("folders/train/a.json", "folders/test/a.json", "words/my_train_rows.csv", "words/my_test_rows.csv.gz");
        touch("one/rows.parquet");
        assertThat(find(name, null, split)).isEqualTo(files);
    }

    @Test
    void cardOfADataSetDecides() throws IOException {
        touch("d/data/a-0.parquet", "d/data/b-0.parquet", "d/extra/c.jsonl", "d/train.jsonl");
        Files.writeString(directory.resolve("d/README.md"), """
                ---
                license: mit
                configs:
                - config_name: default
                  data_files:
                  - split: train_prefs
                    path: data/a-*
                  - split: test
                    path: [data/b-*, extra/*]
                - config_name: small
                  data_files: train.jsonl
                ---
                # A data set
                """);
        assertThat(find("d", null, "train_prefs")).isEqualTo("d/data/a-0.parquet");
        assertThat(find("d", null, "test")).isEqualTo("d/data/b-0.parquet d/extra/c.jsonl");
        assertThat(find("d", "small", "train")).isEqualTo("d/train.jsonl");
        assertThatThrownBy(() -> find("d", null, "train"))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("has no split train; its splits are train_prefs, test");
        assertThatThrownBy(() -> find("d", "large", "train"))
                .hasMessageContaining("has the configurations default, small; dataset_config names another, large");
    }

    @Test
    void globsAndSingleFiles() throws IOException {
        touch("g/b.jsonl", "g/a.jsonl", "g/c.csv");
        assertThat(find("g/*.jsonl", null, "train")).isEqualTo("g/a.jsonl g/b.jsonl");
        assertThat(find("g/c.csv", null, "train")).isEqualTo("g/c.csv");
        assertThatThrownBy(() -> find("g/*.parquet", null, "train"))
                .hasMessageContaining("There is no file that matches " + directory.resolve("g/*.parquet"));
        assertThatThrownBy(() -> find("none.jsonl", null, "train")).hasMessageContaining("There is no data file");
        assertThatThrownBy(() -> find("g", null, "test")).hasMessageContaining("has no data file of the split test");
    }

    @Test
    void splitOfADataSetOnAHubIsFetchedAlone() {
        HubRepository repository = new HubRepository(HubRepository.Type.DATASET, "owner/pairs", "main");
        try (FakeHub fake = new FakeHub(repository, directory)) {
            fake.serve(Map.of(
                    "README.md",
                    FakeHub.bytes(
                            "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: rows/a*\n---\n"),
                    "rows/a.jsonl",
                    FakeHub.bytes(TestRows.pair(4)),
                    "rows/b.jsonl",
                    FakeHub.bytes(TestRows.pair(5))));
            List<Path> files = DataFiles.onHub(repository, Optional.empty(), "train", fake.hub());
            assertThat(files).singleElement().asString().endsWith("rows/a.jsonl");
            try (TokenizedDataset rows =
                    RowKind.PREFERENCE.open(files.getFirst(), TestRows.NO_TOKENIZER, TokenizationOptions.UNLIMITED)) {
                assertThat(TestRows.prompts(rows)).containsExactly(4);
            }
        }
    }

    @Test
    void rowsOfSeveralFilesAreOneSequence() throws IOException {
        Path first = Files.writeString(directory.resolve("a.jsonl"), TestRows.pair(10) + TestRows.pair(11));
        Path second = Files.writeString(directory.resolve("b.jsonl"), TestRows.pair(12) + "oops");
        try (TokenizedDataset rows = RowKind.PREFERENCE.open(
                new DatasetSource("both", List.of(first, second), Map.of()),
                TestRows.NO_TOKENIZER,
                TokenizationOptions.UNLIMITED,
                Optional.empty())) {
            assertThat(rows.get(2).row()).isEqualTo(2);
            assertThat(rows.get(2).prompt()).containsExactly(12);
            assertThatThrownBy(rows::size).hasMessageContaining("b.jsonl, line 2");
        }
    }
}

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
import java.util.ArrayList;
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

    /** What datasets 5's get_data_patterns and infer_module_for_data_files say of the same files; "none": it has no such split. */
    @ParameterizedTest
    @CsvSource({
        "mixed, train, none",
        "mixed, test, mixed/test.jsonl",
        "extra, train, extra/train.jsonl extra/train_extra.jsonl",
        "extra, validation, extra/valid.jsonl",
        "synonyms, train, synonyms/training/a.csv",
        "synonyms, validation, synonyms/dev/b.csv",
        "synonyms, test, synonyms/my-evaluation-set/c.csv",
        "shards, train, shards/data/train-00000-of-00002.parquet shards/data/train-00001-of-00002.parquet",
        "shards, test, none",
        "infos, train, infos/rows.jsonl",
        "two, train, two/train.parquet",
        "two, test, two/test.parquet",
        "most, train, most/train-1.json most/train-2.json",
        "dirs, train, dirs/train/a.jsonl",
        "dirs, test, none",
        "hh, train, hh/harmless-base/train.jsonl.gz hh/helpful-base/train.jsonl.gz",
        "upper, train, upper/TEST.jsonl upper/Train.jsonl",
        "digits, train, digits/2train5.jsonl",
    })
    void splitsAreThoseOfDatasets(String name, String split, String files) throws IOException {
        touch(
                "mixed/rows.jsonl",
                "mixed/test.jsonl",
                "extra/train.jsonl",
                "extra/train_extra.jsonl",
                "extra/valid.jsonl");
        touch("synonyms/training/a.csv", "synonyms/dev/b.csv", "synonyms/my-evaluation-set/c.csv");
        touch(
                "shards/data/train-00000-of-00002.parquet",
                "shards/data/train-00001-of-00002.parquet",
                "shards/data/train_prefs-00000-of-00001.parquet",
                "shards/extra/test.parquet");
        touch("infos/dataset_infos.json", "infos/rows.jsonl", "infos/config.json", "infos/__old/train.jsonl");
        touch("two/train.jsonl", "two/train.parquet", "two/test.jsonl", "two/test.parquet");
        touch("most/train-1.json", "most/train-2.json", "most/train-3.csv", "dirs/train/a.jsonl", "dirs/test.jsonl");
        touch(
                "hh/harmless-base/train.jsonl.gz",
                "hh/harmless-base/test.jsonl.gz",
                "hh/helpful-base/train.jsonl.gz",
                "hh/red-team-attempts/red_team_attempts.jsonl.gz");
        touch("upper/Train.jsonl", "upper/TEST.jsonl", "digits/2train5.jsonl", "digits/contest.jsonl");
        if (files.equals("none")) {
            assertThatThrownBy(() -> find(name, null, split))
                    .hasMessageContaining("has no data file of the split " + split);
        } else {
            assertThat(find(name, null, split)).isEqualTo(files);
        }
    }

    @Test
    void whatIsLeftOutIsSaid() throws IOException {
        touch("two/train.jsonl", "two/train.parquet");
        List<String> messages = new ArrayList<>();
        DataFiles.find(directory.resolve("two").toString(), Optional.empty(), "train", messages::add);
        assertThat(messages)
                .singleElement()
                .asString()
                .endsWith("train.parquet is read; left out, since it is in another format: train.jsonl");
    }

    @Test
    void directoriesBehindLinksAreLookedInto() throws IOException {
        touch("real/data/train.jsonl");
        Files.createSymbolicLink(directory.resolve("link"), Path.of("real"));
        Files.createDirectory(directory.resolve("outer"));
        Files.createSymbolicLink(directory.resolve("outer/data"), directory.resolve("real/data"));
        Files.createSymbolicLink(directory.resolve("real/data/round"), directory.resolve("real"));
        assertThat(find("link", null, "train")).isEqualTo("link/data/train.jsonl");
        assertThat(find("outer", null, "train")).isEqualTo("outer/data/train.jsonl");
        assertThat(find("outer/*/train*", null, "train")).isEqualTo("outer/data/train.jsonl");
    }

    @Test
    void aDataSetThatWasSavedToDiskIsRefusedByThatName() throws IOException {
        touch("one/data-00000-of-00001.arrow", "one/state.json", "one/dataset_info.json");
        touch("all/dataset_dict.json", "all/train/data-00000-of-00001.arrow", "all/train/state.json");
        for (String name : List.of("one", "all")) {
            assertThatThrownBy(() -> find(name, null, "train"))
                    .isInstanceOf(MmpoException.class)
                    .hasMessageContaining("is a data set as datasets' save_to_disk leaves it")
                    .hasMessageContaining("to_parquet");
        }
    }

    @Test
    void cardOfADataSetDecides() throws IOException {
        touch("d/data/a-0.parquet", "d/data/b-0.parquet", "d/extra/c.parquet", "d/train.jsonl");
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
        assertThat(find("d", null, "test")).isEqualTo("d/data/b-0.parquet d/extra/c.parquet");
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
            List<Path> files = DataFiles.onHub(repository, Optional.empty(), "train", fake.hub(), message -> {});
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

package io.mmpo.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicDirectoryTest {
    @TempDir
    Path parent;

    @Test
    void appearsWholeOrNotAtAll() throws IOException {
        Path target = parent.resolve("checkpoint-20");
        try (AtomicDirectory directory = AtomicDirectory.create(target)) {
            Files.writeString(directory.path().resolve("a.txt"), "a");
            Files.createDirectory(directory.path().resolve("sub"));
            Files.writeString(directory.path().resolve("sub/b.txt"), "b");
            assertThat(target).doesNotExist();
            directory.commit();
        }
        assertThat(names(parent)).containsExactly("checkpoint-20");
        assertThat(names(target)).containsExactly("a.txt", "manifest.json", "sub");
        assertThat(AtomicDirectory.isValid(target)).isTrue();
        assertThat(JsonFile.read(target.resolve("manifest.json"))).isEqualTo(JsonFile.MAPPER.readTree("""
            {"version": 1, "files": [
              {"name": "a.txt", "size": 1,
               "sha256": "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"},
              {"name": "sub/b.txt", "size": 1,
               "sha256": "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"}]}"""));
    }

    @Test
    void withoutACommitNothingStays() throws IOException {
        try (AtomicDirectory directory = AtomicDirectory.create(parent.resolve("new/final"))) {
            Files.writeString(directory.path().resolve("a.txt"), "a");
        }
        assertThat(names(parent.resolve("new"))).isEmpty();
    }

    @Test
    void replacesAnEarlierOne() throws IOException {
        Path target = parent.resolve("final");
        save(target, "old");
        try (AtomicDirectory directory = AtomicDirectory.create(target)) {
            Files.writeString(directory.path().resolve("text"), "new");
            assertThat(target.resolve("text")).hasContent("old");
            directory.commit();
        }
        assertThat(target.resolve("text")).hasContent("new");
        assertThat(names(parent)).containsExactly("final");
    }

    @Test
    void changedMissingOrUnfinishedIsNotValid() throws IOException {
        Path target = parent.resolve("final");
        assertThat(AtomicDirectory.isValid(target)).isFalse();
        save(target, "text");
        Files.writeString(target.resolve("text"), "tExt");
        assertThat(AtomicDirectory.isValid(target)).isFalse();
        Files.writeString(target.resolve("text"), "text");
        assertThat(AtomicDirectory.isValid(target)).isTrue();
        Files.writeString(target.resolve("text"), "longer");
        assertThat(AtomicDirectory.isValid(target)).isFalse();
        Files.delete(target.resolve("text"));
        assertThat(AtomicDirectory.isValid(target)).isFalse();
    }

    @Test
    void aManifestNamesEveryFileThatIsThereAndThoseThatAreNeeded() throws IOException {
        Path target = parent.resolve("checkpoint-1");
        save(target, "text");
        assertThat(AtomicDirectory.problem(target, "text")).isEmpty();
        assertThat(AtomicDirectory.problem(target, "trainer_state.json"))
                .contains(target.resolve("manifest.json") + " does not name trainer_state.json, which is needed");
        Path stray = Files.writeString(target.resolve("stray"), "");
        assertThat(AtomicDirectory.problem(target)).contains(stray + " is not named in manifest.json");
        Files.delete(stray);
        Files.writeString(target.resolve("manifest.json"), "{\"version\": 1, \"files\": []}");
        assertThat(AtomicDirectory.problem(target)).contains(target.resolve("manifest.json") + " names no file");
    }

    @Test
    void errorsNameTheTargetAndNotItsTemporaryName() {
        try (AtomicDirectory directory = AtomicDirectory.create(parent.resolve("final"))) {
            Path file = directory.path().resolve("missing/config.json");
            assertThatThrownBy(() -> NewFile.write(file, JsonFile.MAPPER.createObjectNode()))
                    .hasMessageContaining(parent.resolve("final/missing/config.json") + " cannot be written: ")
                    .hasMessageNotContaining("incomplete");
        }
    }

    @Test
    void aHostileManifestIsNotValid() throws IOException {
        Path manifest = parent.resolve("manifest.json");
        for (String text : List.of(
                "",
                "{}",
                "{\"version\":2,\"files\":[]}",
                "{\"version\":1,\"files\":[null]}",
                "{\"version\":1,\"files\":[{}]}",
                "{\"version\":1,\"files\":[{\"name\":\"../x\",\"size\":0,\"sha256\":\"\"}]}",
                "{\"version\":1,\"files\":[{\"name\":\"\\u0000\",\"size\":0,\"sha256\":\"\"}]}")) {
            Files.writeString(manifest, text);
            assertThat(AtomicDirectory.isValid(parent)).as(text).isFalse();
        }
    }

    @Test
    void leftoversOfAKilledProcessGo() throws IOException {
        AtomicDirectory killed = AtomicDirectory.create(parent.resolve("checkpoint-20"));
        Files.writeString(killed.path().resolve("a.txt"), "half");
        save(parent.resolve("checkpoint-10"), "kept");
        AtomicDirectory.removeLeftovers(parent);
        assertThat(names(parent)).containsExactly("checkpoint-10");
        AtomicDirectory.removeLeftovers(parent.resolve("missing"));
    }

    @Test
    void whatWasBeingReplacedComesBack() throws IOException {
        save(parent.resolve("final"), "old");
        Files.move(parent.resolve("final"), parent.resolve(".final.replaced-1")); // killed between the two renames
        AtomicDirectory.removeLeftovers(parent);
        assertThat(parent.resolve("final/text")).hasContent("old");

        save(parent.resolve(".final.replaced-2"), "older"); // killed after them
        AtomicDirectory.removeLeftovers(parent);
        assertThat(names(parent)).containsExactly("final");
        assertThat(parent.resolve("final/text")).hasContent("old");
    }

    @Test
    void aPlaceThatCannotBeWrittenIsAnEnvironmentError() throws IOException {
        Path file = Files.writeString(parent.resolve("file"), "");
        assertThatThrownBy(() -> AtomicDirectory.create(file.resolve("final")))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("final cannot be written")
                .extracting(e -> ((MmpoException) e).kind())
                .isEqualTo(MmpoException.Kind.ENVIRONMENT);
    }

    private static void save(Path target, String text) throws IOException {
        try (AtomicDirectory directory = AtomicDirectory.create(target)) {
            Files.writeString(directory.path().resolve("text"), text);
            directory.commit();
        }
    }

    private static List<String> names(Path directory) throws IOException {
        try (Stream<Path> paths = Files.list(directory)) {
            return paths.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }
}

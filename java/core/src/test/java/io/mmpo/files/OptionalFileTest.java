package io.mmpo.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.DataException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OptionalFileTest {
    @Test
    void aLinkToNothingIsNoLack(@TempDir Path directory) throws Exception {
        Path blob = Files.writeString(directory.resolve("blob"), "{}");
        Path link = Files.createSymbolicLink(directory.resolve("config.json"), blob);
        assertThat(OptionalFile.isThere(blob)).isTrue();
        assertThat(OptionalFile.isThere(link)).isTrue();
        assertThat(OptionalFile.isThere(directory.resolve("other.json"))).isFalse();
        Files.delete(blob);
        assertThatThrownBy(() -> OptionalFile.isThere(link))
                .isInstanceOf(DataException.class)
                .hasMessage(
                        "%s is a link to a file that does not exist. Bring the file back, or remove the entry if the model has none.",
                        link);
        assertThatThrownBy(() -> OptionalFile.isThere(directory)).hasMessageContaining("is a directory");
    }
}

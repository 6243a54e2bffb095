package io.mmpo.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.data.Goldens;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IsolatedLibraryTest {
    private static final String BACKTRACKS =
            "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"(a|a)*b|(a+)+c\"}, \"behavior\": \"Isolated\", \"invert\": false}";

    @TempDir
    Path directory;

    @Test
    void answersAsTheLibraryInThisProcessDoes() {
        TokenizerFiles files = TokenizerFiles.read(Goldens.path("models/stories260k"), Optional.empty());
        String text = "Once upon a time, 7 🦙 <s> ";
        try (TokenizerLibrary local = LocalLibrary.load(files.definition());
                TokenizerLibrary isolated = IsolatedLibrary.load(files.definition())) {
            int[] ids = local.encode(text);
            assertThat(IntStream.range(0, 100).parallel().mapToObj(i -> isolated.encode(text)))
                    .allSatisfy(found -> assertThat(found).isEqualTo(ids));
            for (boolean plain : new boolean[] {false, true}) {
                assertThat(isolated.decode(ids, plain)).isEqualTo(local.decode(ids, plain));
            }
        }
    }

    /** The library would end this process. */
    @Test
    void aTextThatItBreaksDownOverIsAnErrorOfThatText() throws IOException {
        TokenizerDirectory.in(directory).set("tokenizer.json", "pre_tokenizer", BACKTRACKS);
        try (Tokenizer tokenizer = Tokenizer.open(directory, Optional.empty())) {
            assertThat(tokenizer.encode("ab", false)).isNotEmpty();
            assertThatThrownBy(() -> tokenizer.encode("a".repeat(60), false))
                    .isInstanceOfSatisfying(
                            MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                    .hasMessageContaining("retry-limit-in-match over")
                    .hasMessageContaining("text of 60 characters");
            assertThat(tokenizer.encode("ab", false)).isNotEmpty();
        }
    }

    @Test
    void aDefinitionThatItBreaksDownOverIsAnError() throws IOException {
        TokenizerDirectory.in(directory)
                .change(
                        "tokenizer.json",
                        json -> ((ObjectNode) json.path("model"))
                                .put("continuing_subword_prefix", "a long prefix that no token has"));
        assertThatThrownBy(() -> Tokenizer.open(directory, Optional.empty()))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .hasMessageContaining("cannot be loaded");
    }
}

package io.mmpo.data.tokens;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.data.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A directory with stories260k's tokenizer, of which a test changes what it is about. */
record TokenizerDirectory(Path path) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    static TokenizerDirectory in(Path path) throws IOException {
        TokenizerDirectory directory = new TokenizerDirectory(path);
        for (String name : new String[] {TokenizerFiles.TOKENIZER, TokenizerFiles.CONFIG}) {
            Files.copy(Goldens.path("models/stories260k").resolve(name), path.resolve(name));
        }
        return directory;
    }

    interface Change {
        void apply(ObjectNode json) throws IOException;
    }

    TokenizerDirectory change(String file, Change change) throws IOException {
        ObjectNode json = (ObjectNode) MAPPER.readTree(path.resolve(file).toFile());
        change.apply(json);
        MAPPER.writeValue(path.resolve(file).toFile(), json);
        return this;
    }

    TokenizerDirectory set(String file, String key, String json) throws IOException {
        return change(file, object -> object.set(key, MAPPER.readTree(json)));
    }

    TokenizerDirectory write(String file, String text) throws IOException {
        Files.writeString(path.resolve(file), text);
        return this;
    }
}

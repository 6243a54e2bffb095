package io.mmpo.model;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.SharedFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/** The golden tiny model and a copy of the adapter that PEFT saved for it, which a test may change. */
public record GoldenAdapter(Path model, Path directory) {
    public static GoldenAdapter copyTo(Path directory) throws IOException {
        Path source = SharedFiles.path("golden/tiny_llama/tied_lora");
        Files.createDirectories(directory);
        for (String name : new String[] {AdapterConfig.FILE, AdapterFiles.WEIGHTS_FILE}) {
            Files.write(directory.resolve(name), Files.readAllBytes(source.resolve(name)));
        }
        Path model = SharedFiles.path("golden/tiny_llama/tied");
        return new GoldenAdapter(model, directory)
                .change(config -> config.put("base_model_name_or_path", model.toString()));
    }

    public GoldenAdapter change(Consumer<ObjectNode> change) throws IOException {
        Path file = directory.resolve(AdapterConfig.FILE);
        ObjectNode config = (ObjectNode) new ObjectMapper().readTree(file.toFile());
        change.accept(config);
        Files.writeString(file, config.toString());
        return this;
    }
}

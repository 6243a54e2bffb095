package example.embed;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** A copy of a storyteller of 260,000 parameters, with a chat template, which it does not have by itself. */
final class TinyModel {
    private TinyModel() {}

    static Path copyTo(Path directory) throws IOException {
        String shared = System.getenv("MMPO_SHARED");
        Path source = Path.of(shared == null ? "../../../shared" : shared, "models/stories260k");
        Assumptions.assumeTrue(Files.exists(source), "skipped: no model at " + source + " (set MMPO_SHARED)");
        Files.createDirectories(directory);
        try (Stream<Path> files = Files.list(source)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.write(directory.resolve(file.getFileName()), Files.readAllBytes(file));
            }
        }
        Files.writeString(
                directory.resolve("chat_template.jinja"),
                "{% for message in messages %}{{ message.content }}</s>{% endfor %}");
        return directory;
    }

    /** Keys of a run that teaches such a model something within seconds, or never ends. */
    static void writeKeys(Path directory, int epochs) throws IOException {
        Files.createDirectories(directory);
        Files.writeString(
                directory.resolve("tuning.json"),
                "{\"learning_rate\": 0.01, \"bf16\": false, \"per_device_train_batch_size\": 2, \"num_train_epochs\": %d}"
                        .formatted(epochs));
    }

    static List<String> questions() {
        return List.of("Is the cat big?", "Who went to the park?", "What did Tom see?", "Was Mom happy?");
    }
}

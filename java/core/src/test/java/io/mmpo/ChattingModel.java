package io.mmpo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** A copy of the small storyteller, with a chat template, which it does not have by itself. */
final class ChattingModel {
    static final List<Row> PAIRS = List.of(
            new Row.Pair("Is the cat big?", "The cat was very big.", "No no no."),
            new Row.Pair("Who went to the park?", "Lily went to the park.", "Blue."),
            new Row.Pair("What did Tom see?", "Tom saw a red ball.", "Tom."),
            new Row.Pair("Was Mom happy?", "Mom was happy and smiled.", "Ball ball."));

    private ChattingModel() {}

    static Path copyTo(Path directory) {
        try (Stream<Path> files = Files.list(SharedFiles.path("models/stories260k"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.write(directory.resolve(file.getFileName().toString()), Files.readAllBytes(file));
            }
            Files.writeString(
                    directory.resolve("chat_template.jinja"),
                    "{% for message in messages %}{{ message.content }}</s>{% endfor %}");
            return directory;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

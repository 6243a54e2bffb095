package io.mmpo.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.files.IoProblem;
import io.mmpo.run.CheckpointName;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** The answers of a run's last model, where mmpo generate left an answers.jsonl below the run's directory. */
record RunAnswers(List<SampleAnswer> all, List<String> notes) {
    static final String FILE = "answers.jsonl";

    /** More than a report shows, so that some are of the same prompts as another run's. */
    private static final int MAX_ROWS = 1000;

    private static final ObjectMapper JSON = new ObjectMapper();

    static RunAnswers of(Path run) {
        Optional<Path> last =
                ResultFiles.named(FILE, run).stream().max(Comparator.comparingInt(file -> order(run.relativize(file))));
        return last.map(file -> read(run, file)).orElse(new RunAnswers(List.of(), List.of()));
    }

    /** The final model's after those of its checkpoints. */
    private static int order(Path file) {
        return CheckpointName.in(file)
                .map(name -> CheckpointName.stepOf(name).orElse(Integer.MAX_VALUE))
                .orElse(Integer.MAX_VALUE);
    }

    private static RunAnswers read(Path run, Path file) {
        List<SampleAnswer> answers = new ArrayList<>();
        List<String> notes = new ArrayList<>();
        try (BufferedReader reader =
                new BufferedReader(new InputStreamReader(Files.newInputStream(file), StandardCharsets.UTF_8))) {
            String text = reader.readLine();
            for (int row = 1; text != null && row <= MAX_ROWS; text = reader.readLine(), row++) {
                Optional<SampleAnswer> answer = parse(text);
                if (answer.isPresent()) {
                    answers.add(answer.get());
                } else if (notes.isEmpty()) {
                    notes.add("Line " + row + " of " + run.relativize(file)
                            + " has no prompt with a text, and is left out, as are others like it.");
                }
            }
        } catch (IOException e) {
            throw IoProblem.unreadable(file, e);
        }
        return new RunAnswers(List.copyOf(answers), List.copyOf(notes));
    }

    private static Optional<SampleAnswer> parse(String line) {
        try {
            JsonNode json = JSON.readTree(line);
            if (json == null || !json.path("text").isTextual() || !json.has("prompt")) {
                return Optional.empty();
            }
            return Optional.of(new SampleAnswer(
                    prompt(json.path("prompt")), json.path("text").textValue()));
        } catch (JsonProcessingException e) {
            return Optional.empty(); // cut off, or none of ours: the caller says where
        }
    }

    /** A text, or messages: the last one's, after the words of those before it. */
    private static String prompt(JsonNode prompt) {
        if (!prompt.isArray()) {
            return prompt.asText();
        }
        List<String> texts = new ArrayList<>();
        for (JsonNode message : prompt) {
            String content = message.path("content").asText();
            texts.add(prompt.size() == 1 ? content : message.path("role").asText() + ": " + content);
        }
        return String.join("\n", texts);
    }
}

package io.mmpo.eval.lm;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.eval.lm.Response.Score;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.IoProblem;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Responses of a task as they come, one a line, so that an interrupted evaluation goes on where it stopped. Its first line is the key of
 * all that they depend on; a journal with another key is begun anew, and a line that was cut short counts as not written.
 */
final class Journal implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path file;
    private final BufferedWriter writer;
    private final Map<Integer, Response> known;

    private Journal(Path file, BufferedWriter writer, Map<Integer, Response> known) {
        this.file = file;
        this.writer = writer;
        this.known = known;
    }

    static Journal open(Path file, String key) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Map<Integer, Response> known = read(file, key);
            // What is known is written again, so that nothing follows half a line.
            StringBuilder begun = new StringBuilder(JSON.createObjectNode().put("key", key) + "\n");
            known.forEach((question, response) -> begun.append(line(question, response)));
            AtomicFile.write(file, begun.toString());
            return new Journal(file, Files.newBufferedWriter(file, StandardOpenOption.APPEND), known);
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    private static Map<Integer, Response> read(Path file, String key) throws IOException {
        Map<Integer, Response> known = new HashMap<>();
        if (!Files.isRegularFile(file)) {
            return known;
        }
        String text = Files.readString(file, StandardCharsets.UTF_8);
        List<String> lines = text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
        try {
            if (lines.isEmpty() || !JSON.readTree(lines.getFirst()).path("key").asText().equals(key)) {
                return known;
            }
            for (String line : lines.subList(1, lines.size())) {
                JsonNode entry = JSON.readTree(line);
                known.put(entry.path("question").intValue(), response(entry));
            }
        } catch (JsonProcessingException e) {
            known.clear(); // no journal of ours: begin anew
        }
        return known;
    }

    private static Response response(JsonNode entry) {
        if (entry.has("text")) {
            return new Response.Text(entry.path("text").textValue());
        }
        List<Score> scores = new ArrayList<>();
        entry.path("scores")
                .forEach(score -> scores.add(
                        new Score(score.path(0).doubleValue(), score.path(1).booleanValue())));
        return new Response.Scores(List.copyOf(scores));
    }

    /** By the questions' places among the task's. */
    Map<Integer, Response> known() {
        return known;
    }

    void add(Map<Integer, Response> responses) {
        try {
            for (Map.Entry<Integer, Response> entry : responses.entrySet()) {
                writer.write(line(entry.getKey(), entry.getValue()));
            }
            writer.flush();
        } catch (IOException e) {
            throw failed(file, e);
        }
        known.putAll(responses);
    }

    private static String line(int question, Response response) {
        ObjectNode line = JSON.createObjectNode().put("question", question);
        switch (response) {
            case Response.Text text -> line.put("text", text.text());
            case Response.Scores scores -> {
                ArrayNode list = line.putArray("scores");
                scores.scores().forEach(score -> list.addArray().add(score.logLikelihood()).add(score.isGreedy()));
            }
        }
        return line + "\n";
    }

    @Override
    public void close() {
        try {
            writer.close();
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    private static MmpoException failed(Path file, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "%s, where scores are kept for an evaluation that is interrupted, cannot be used: %s. Make room, or choose another --output.",
                file,
                IoProblem.of(e));
    }
}

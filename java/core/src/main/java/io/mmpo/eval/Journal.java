package io.mmpo.eval;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.IoProblem;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Answers as they come, one a line, so that an interrupted evaluation goes on where it stopped. Its first line is the key of
 * all that they depend on; a journal with another key is begun anew, and a line that was cut short counts as not written.
 */
public final class Journal implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String NUMBER = "number";

    private final Path file;
    private final BufferedWriter writer;
    private final Map<Integer, ObjectNode> known;

    private Journal(Path file, BufferedWriter writer, Map<Integer, ObjectNode> known) {
        this.file = file;
        this.writer = writer;
        this.known = known;
    }

    public static Journal open(Path file, String key) {
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Map<Integer, ObjectNode> known = read(file, key);
            // What is known is written again, so that nothing follows half a line.
            StringBuilder begun = new StringBuilder(JSON.createObjectNode().put("key", key) + "\n");
            known.forEach((number, answer) -> begun.append(answer).append("\n"));
            AtomicFile.write(file, begun.toString());
            return new Journal(file, Files.newBufferedWriter(file, StandardOpenOption.APPEND), known);
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    /** The answers in a journal that another process has written; none where it has another key. */
    public static Map<Integer, ObjectNode> answers(Path file, String key) {
        try {
            return read(file, key);
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    private static Map<Integer, ObjectNode> read(Path file, String key) throws IOException {
        Map<Integer, ObjectNode> known = new HashMap<>();
        if (!Files.isRegularFile(file)) {
            return known;
        }
        try {
            String text = Files.readString(file, StandardCharsets.UTF_8);
            List<String> lines =
                    text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
            if (lines.isEmpty()
                    || !JSON.readTree(lines.getFirst()).path("key").asText().equals(key)) {
                return known;
            }
            for (String line : lines.subList(1, lines.size())) {
                if (JSON.readTree(line) instanceof ObjectNode answer) {
                    known.put(answer.path(NUMBER).intValue(), answer);
                }
            }
        } catch (JsonProcessingException | MalformedInputException e) {
            known.clear(); // no journal of ours: begin anew
        }
        return known;
    }

    /** By the numbers of what was asked. */
    public Map<Integer, ObjectNode> known() {
        return known;
    }

    /** On the disk, as far as the operating system is concerned, when it returns. */
    public void add(Map<Integer, ObjectNode> answers) {
        try {
            for (Map.Entry<Integer, ObjectNode> entry : answers.entrySet()) {
                entry.getValue().put(NUMBER, entry.getKey());
                writer.write(entry.getValue() + "\n");
            }
            writer.flush();
        } catch (IOException e) {
            throw failed(file, e);
        }
        known.putAll(answers);
    }

    @Override
    public void close() {
        try {
            writer.close();
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    /** Of an evaluation that is complete; its directory goes too, where nothing else is in it. */
    public static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
            Path directory = file.toAbsolutePath().getParent();
            boolean isEmpty;
            try (var left = Files.list(directory)) {
                isEmpty = left.findAny().isEmpty();
            }
            if (isEmpty) {
                Files.delete(directory);
            }
        } catch (IOException e) {
            throw failed(file, e);
        }
    }

    private static MmpoException failed(Path file, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "%s, where answers are kept for an evaluation that is interrupted, cannot be used: %s. Make room, or choose another --output.",
                file,
                IoProblem.of(e));
    }
}

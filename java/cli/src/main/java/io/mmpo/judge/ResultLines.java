package io.mmpo.judge;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.mmpo.eval.judge.BatchService;
import io.mmpo.eval.judge.JudgeException;
import io.mmpo.eval.judge.Reply;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** A batch's results: a line of JSON each, with the custom_id of its question. */
final class ResultLines {
    private ResultLines() {}

    /** What a line says of its question. */
    interface Reader {
        Reply reply(JsonNode line) throws JudgeException;
    }

    /** A line that cannot be read ends nothing: those after it count. */
    static void read(InputStream body, JsonMapper json, BatchService.Results results, Reader reader) {
        BufferedReader lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8));
        try {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (!line.isBlank()) {
                    readLine(line, json, results, reader);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void readLine(String line, JsonMapper json, BatchService.Results results, Reader reader) {
        JsonNode result;
        try {
            result = json.readTree(line);
        } catch (JsonProcessingException e) {
            results.unreadable();
            return;
        }
        String id = result.path("custom_id").asText();
        try {
            results.answered(id, reader.reply(result));
        } catch (JudgeException e) {
            results.failed(id, e);
        }
    }

    /** Throws IllegalStateException where the node is no such value. */
    static <T> T value(JsonMapper json, JsonNode node, Class<T> type) {
        if (!node.isObject()) {
            throw new IllegalStateException("no " + type.getSimpleName());
        }
        try {
            return json.treeToValue(node, type);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}

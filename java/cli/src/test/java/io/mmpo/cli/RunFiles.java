package io.mmpo.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Every file of a run as its bytes, but for what was measured (times, memory) and where it was told to write. */
final class RunFiles {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** A number of such a key, in JSON. */
    private static final Pattern MEASURED =
            Pattern.compile("\"(seconds|[a-z_]*_seconds|[a-z_]*_per_second|[a-z_]*_runtime"
                    + "|peak_memory_bytes)\"\\s*:\\s*[-+.0-9eE]+,?\\s*");

    private static final Pattern PLACE = Pattern.compile("(?m)^(output_dir|cache_dir):.*$");

    /** Files of a checkpoint that hold such things, so that their hashes differ. */
    private static final List<String> WITH_TIMES = List.of("trainer_state.json", "config.yaml");

    private RunFiles() {}

    /** By their names within the directory. */
    static Map<String, String> of(Path run) throws IOException {
        Map<String, String> files = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(run)) {
            paths.filter(Files::isRegularFile)
                    .forEach(file -> files.put(run.relativize(file).toString(), content(file)));
        }
        return files;
    }

    private static String content(Path file) {
        try {
            byte[] bytes = Files.readAllBytes(file);
            String text = new String(bytes, StandardCharsets.UTF_8);
            return switch (file.getFileName().toString()) {
                case "metrics.jsonl", "trainer_state.json" ->
                    MEASURED.matcher(text).replaceAll("");
                case "config.yaml" -> PLACE.matcher(text).replaceAll("");
                case "manifest.json" -> withoutHashesOfTimes(text);
                default -> HexFormat.of().formatHex(bytes);
            };
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String withoutHashesOfTimes(String manifest) throws IOException {
        ObjectNode json = (ObjectNode) JSON.readTree(manifest);
        ArrayNode kept = JSON.createArrayNode();
        json.get("files").forEach(entry -> {
            if (!WITH_TIMES.contains(entry.get("name").asText())) {
                kept.add(entry);
            }
        });
        json.set("files", kept);
        return json.toString();
    }
}

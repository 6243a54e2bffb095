package io.mmpo.files;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** JSON of model directories, which come from outside: bounded in size and depth, and no key twice. */
public final class JsonFile {
    private static final int MAX_DEPTH = 32;
    private static final long MAX_BYTES = 64L << 20; // an index of the largest published models has 10 MB
    private static final int MAX_STRING = 1 << 20;

    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxStringLength(MAX_STRING)
                    .maxNameLength(MAX_STRING)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .disable(
                    JsonFactory.Feature
                            .CANONICALIZE_FIELD_NAMES) // a table of names lets a file choose ones that collide
            .build();

    public static final JsonMapper MAPPER = JsonMapper.builder(FACTORY)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .build();

    private JsonFile() {}

    /** The file's one object. */
    public static ObjectNode read(Path file) {
        try {
            long bytes = Files.size(file);
            if (bytes > MAX_BYTES) {
                throw MmpoException.data(
                        "%s has %d bytes, more than the %d that such a file may have. Check that it is the right file.",
                        file, bytes, MAX_BYTES);
            }
            JsonNode node = MAPPER.readTree(Utf8.read(file));
            if (node instanceof ObjectNode object) {
                return object;
            }
            throw MmpoException.data("%s must hold one JSON object, found %s.", file, describe(node));
        } catch (JsonProcessingException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA, e, "%s is not valid JSON: %s. Fetch or write it again.", file, problem(e));
        } catch (Utf8.Malformed e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s is not valid JSON: %s. Fetch or write it again.",
                    file,
                    e.getMessage());
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s cannot be read: %s. Check that it is there and readable.",
                    file,
                    IoProblem.of(e));
        }
    }

    /** A parser of the same strictness, for JSON inside another file. */
    public static JsonParser parser(byte[] json) throws IOException {
        CharBuffer text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json));
        return FACTORY.createParser(text.array(), 0, text.limit());
    }

    /** What is wrong and where, without the library's words about its own settings. */
    public static String problem(JsonProcessingException e) {
        String text = IoProblem.withoutSource(e.getOriginalMessage())
                .lines()
                .findFirst()
                .orElse("unreadable");
        return e.getLocation() == null
                ? text
                : text + " (line " + e.getLocation().getLineNr() + ", column "
                        + e.getLocation().getColumnNr() + ")";
    }

    /** A value as a message shows it. */
    public static String describe(JsonNode node) {
        if (node == null || node.isMissingNode()) {
            return "nothing";
        }
        String text = node.toString();
        return text.length() <= 80 ? text : text.substring(0, 80) + "...";
    }
}

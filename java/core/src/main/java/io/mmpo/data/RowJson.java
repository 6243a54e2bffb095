package io.mmpo.data;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** JSON of rows from outside: strict, and bounded in depth and size. */
final class RowJson {
    static final int MAX_ROW_BYTES = 50_000_000;

    private static final int MAX_DEPTH = 64;

    static final ObjectMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxNestingDepth(MAX_DEPTH)
                            .maxStringLength(MAX_ROW_BYTES)
                            .build())
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .build();

    private RowJson() {}

    /** The one object that the bytes hold, and nothing after it. */
    static ObjectNode parse(byte[] json, RowPlace place) {
        try (JsonParser parser = MAPPER.createParser(decode(json, place))) {
            JsonNode node = MAPPER.readTree(parser);
            if (parser.nextToken() != null) {
                throw place.error("one JSON object is wanted on the line, but there is something after it");
            }
            return requireObject(node, place);
        } catch (IOException e) {
            throw unreadable(e, place);
        }
    }

    /** A value that a row carries as JSON text. */
    static JsonNode parseValue(String json, String key, RowPlace place) {
        try {
            return MAPPER.readTree(json);
        } catch (JsonProcessingException e) {
            throw place.error("%s must be JSON, but %s", key, Excerpt.of(e.getOriginalMessage()));
        }
    }

    static ObjectNode requireObject(JsonNode node, RowPlace place) {
        if (node instanceof ObjectNode object) {
            return object;
        }
        throw place.error("a JSON object is wanted, found %s", describe(node));
    }

    static MmpoException unreadable(IOException e, RowPlace place) {
        String problem = IoProblem.of(e);
        int advice = problem.indexOf('\n');
        return place.error(
                "it is not valid JSON: %s", Excerpt.printable(advice < 0 ? problem : problem.substring(0, advice)));
    }

    static String describe(JsonNode node) {
        return node == null || node.isMissingNode() ? "nothing" : Excerpt.of(node.toString());
    }

    private static String decode(byte[] bytes, RowPlace place) {
        ByteBuffer input = ByteBuffer.wrap(bytes);
        try {
            CharBuffer text = StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(input);
            return text.toString();
        } catch (CharacterCodingException e) {
            throw place.error("it is not UTF-8 (byte %d of the line)", input.position() + 1);
        }
    }
}

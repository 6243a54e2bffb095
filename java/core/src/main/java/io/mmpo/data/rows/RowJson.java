package io.mmpo.data.rows;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import io.mmpo.files.IoProblem;
import io.mmpo.files.Utf8;
import java.io.IOException;
import java.io.InputStream;
import java.util.Set;

/**
 * JSON of rows from outside, bounded in depth and size. The columns that are read must be sound; of the others only the JSON must
 * be: what published rows carry beside their text (scores that are NaN, numbers beyond any range, keys given twice) is passed over.
 */
final class RowJson {
    static final int MAX_ROW_BYTES = 50_000_000;

    private static final int MAX_DEPTH = 64;
    /** Of a number that is read. */
    private static final int MAX_DIGITS = 1000;

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    /** NaN and Infinity are what Python's json module writes and reads. */
    private static final JsonFactory FACTORY = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_DEPTH)
                    .maxStringLength(MAX_ROW_BYTES)
                    .maxNumberLength(MAX_ROW_BYTES)
                    .maxNameLength(MAX_ROW_BYTES)
                    .build())
            .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
            .build();

    private RowJson() {}

    static JsonParser parser(InputStream input) throws IOException {
        return FACTORY.createParser(input);
    }

    /** The one object that the bytes hold, and nothing after it. */
    static ObjectNode parse(byte[] json, Set<String> columns, RowPlace place) {
        try (JsonParser parser = FACTORY.createParser(decode(json, place))) {
            parser.nextToken();
            ObjectNode row = readRow(parser, columns, place);
            if (parser.nextToken() != null) {
                throw place.error("one JSON object is wanted on the line, but there is something after it");
            }
            return row;
        } catch (IOException e) {
            throw unreadable(e, place);
        }
    }

    /** The object that the parser stands at. Columns that are not wanted have their name, and null. */
    static ObjectNode readRow(JsonParser parser, Set<String> columns, RowPlace place) throws IOException {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw place.error(
                    "a JSON object is wanted, found %s",
                    parser.currentToken() == null ? "nothing" : describe(readValue(parser, place)));
        }
        ObjectNode row = NODES.objectNode();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            parser.nextToken();
            if (columns.contains(name)) {
                put(row, name, readValue(parser, place), place);
            } else {
                parser.skipChildren();
                row.putNull(name);
            }
        }
        return row;
    }

    /** A value that a row carries as JSON text. */
    static JsonNode parseValue(String json, String key, RowPlace place) {
        try (JsonParser parser = FACTORY.createParser(json)) {
            if (parser.nextToken() == null) {
                throw place.error("%s must be JSON, but it is empty", key);
            }
            JsonNode value = readValue(parser, place);
            if (parser.nextToken() != null) {
                throw place.error("%s must be one JSON value, but there is something after it", key);
            }
            return value;
        } catch (IOException e) {
            throw place.error("%s must be JSON, but %s", key, PrintableText.excerpt(problem(e)));
        }
    }

    private static JsonNode readValue(JsonParser parser, RowPlace place) throws IOException {
        return switch (parser.currentToken()) {
            case START_OBJECT -> {
                ObjectNode object = NODES.objectNode();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String name = parser.currentName();
                    parser.nextToken();
                    put(object, name, readValue(parser, place), place);
                }
                yield object;
            }
            case START_ARRAY -> {
                ArrayNode array = NODES.arrayNode();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    array.add(readValue(parser, place));
                }
                yield array;
            }
            case VALUE_STRING -> NODES.textNode(parser.getText());
            case VALUE_TRUE -> NODES.booleanNode(true);
            case VALUE_FALSE -> NODES.booleanNode(false);
            case VALUE_NULL -> NODES.nullNode();
            default -> number(parser, place);
        };
    }

    private static JsonNode number(JsonParser parser, RowPlace place) throws IOException {
        if (parser.getTextLength() > MAX_DIGITS) {
            throw place.error(
                    "a number may have %d digits, and %s has %d",
                    MAX_DIGITS,
                    PrintableText.excerpt(
                            parser.getParsingContext().pathAsPointer().toString()),
                    parser.getTextLength());
        }
        if (parser.currentToken() == JsonToken.VALUE_NUMBER_FLOAT) {
            return NODES.numberNode(parser.getDoubleValue());
        }
        return switch (parser.getNumberType()) {
            case INT -> NODES.numberNode(parser.getIntValue());
            case LONG -> NODES.numberNode(parser.getLongValue());
            default -> NODES.numberNode(parser.getBigIntegerValue());
        };
    }

    private static void put(ObjectNode object, String name, JsonNode value, RowPlace place) {
        if (object.replace(name, value) != null) {
            throw place.error("it is not valid JSON: Duplicate field '%s'", PrintableText.excerpt(name));
        }
    }

    static MmpoException unreadable(IOException e, RowPlace place) {
        return place.error("it is not valid JSON: %s", PrintableText.line(problem(e)));
    }

    /** Without a parser's advice to programmers. */
    private static String problem(IOException e) {
        String problem = IoProblem.of(e);
        int advice = problem.indexOf('\n');
        return advice < 0 ? problem : problem.substring(0, advice);
    }

    static String describe(JsonNode node) {
        if (node == null || node.isMissingNode()) {
            return "nothing";
        }
        boolean notFinite = node.isDouble() && !Double.isFinite(node.doubleValue());
        return PrintableText.excerpt(notFinite ? node.asText() : node.toString());
    }

    private static String decode(byte[] bytes, RowPlace place) {
        try {
            return Utf8.decode(bytes);
        } catch (Utf8.Malformed e) {
            throw place.error("it is not UTF-8 (byte %d of the line)", e.offset() + 1);
        }
    }
}

package io.mmpo.config;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import io.mmpo.files.Utf8;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.error.MarkedYAMLException;

/** A configuration file: one flat YAML mapping. Values stay text; files from outside are bounded in size and depth. */
final class YamlFile {
    private static final int MAX_BYTES = 1 << 20;
    private static final int MAX_DEPTH = 20;
    private static final YAMLMapper MAPPER = new YAMLMapper(YAMLFactory.builder()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .build());

    private final Path file;
    private final YAMLParser parser;
    private final Map<String, Assignment> assignments = new LinkedHashMap<>();

    private YamlFile(Path file, YAMLParser parser) {
        this.file = file;
        this.parser = parser;
    }

    static Map<String, Assignment> read(Path file) {
        return parse(readText(file), file);
    }

    /** A value of the command line that is a list or a mapping in YAML's words. */
    static Assignment readNested(String key, String text, String where) {
        Assignment value = parse("'" + key + "': " + text, Path.of(where)).get(key);
        return new Assignment(
                Objects.requireNonNull(value).text(),
                Objects.requireNonNull(value).tree(),
                where);
    }

    /** file: for messages. */
    static Map<String, Assignment> parse(String text, Path file) {
        requirePrintable(text, file);
        LoaderOptions limits = new LoaderOptions();
        limits.setCodePointLimit(MAX_BYTES);
        StreamReadConstraints depth =
                StreamReadConstraints.builder().maxNestingDepth(MAX_DEPTH).build();
        YAMLFactory factory = YAMLFactory.builder()
                .loaderOptions(limits)
                .streamReadConstraints(depth)
                .build();
        try (YAMLParser parser = factory.createParser(text)) {
            return new YamlFile(file, parser).readMapping();
        } catch (JsonProcessingException e) {
            throw invalid(e, file);
        } catch (IOException e) {
            throw IoProblem.unreadable(MmpoException.Kind.CONFIGURATION, file, e);
        }
    }

    static String write(Map<String, Object> values) {
        try {
            return MAPPER.writeValueAsString(values);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a configuration could not be written as YAML", e);
        }
    }

    /** A program's list or mapping, with every scalar as text, as a file would have it. */
    static JsonNode treeOf(Object value) {
        return asText(MAPPER.valueToTree(value));
    }

    /** The same node, whose scalars are text afterwards. */
    static JsonNode asText(JsonNode node) {
        if (node instanceof ObjectNode object) {
            object.properties().forEach(entry -> entry.setValue(asText(entry.getValue())));
        } else if (node instanceof ArrayNode array) {
            for (int i = 0; i < array.size(); i++) {
                array.set(i, asText(array.get(i)));
            }
        } else if (!node.isNull()) {
            return new TextNode(node.asText());
        }
        return node;
    }

    /** YAML allows them nowhere, and the parser would not say where they are. */
    private static void requirePrintable(String text, Path file) {
        for (int i = 0, line = 1; i < text.length(); i++) {
            char c = text.charAt(i);
            line += c == '\n' ? 1 : 0;
            boolean isBreak = c == '\n' || c == '\r' || c == '\t' || c == '\u0085';
            if (Character.isISOControl(c) && !isBreak) {
                throw MmpoException.configuration(
                        "%s:%d holds the control character U+%04X, which YAML does not allow; remove it, or write it as \"\\x%02x\"",
                        file, line, (int) c, (int) c);
            }
        }
    }

    /** Where the parser met the problem; what it had read by then may end lines before it. */
    private static MmpoException invalid(JsonProcessingException e, Path file) {
        int line = e.getLocation() == null ? 0 : e.getLocation().getLineNr();
        String problem = e.getOriginalMessage().lines().findFirst().orElse("it could not be parsed");
        for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
            if (cause instanceof MarkedYAMLException marked && marked.getProblemMark() != null) {
                line = marked.getProblemMark().getLine() + 1;
                problem = marked.getProblem();
            }
        }
        boolean isTab = problem.contains("\\t(TAB)");
        return MmpoException.of(
                MmpoException.Kind.CONFIGURATION,
                e,
                "%s%s is not valid YAML: %s",
                file,
                line > 0 ? ":" + line : "",
                isTab ? "a tab stands before a key or a value; YAML is indented with spaces" : problem.strip());
    }

    private static String readText(Path file) {
        try {
            if (!Files.exists(file)) {
                throw MmpoException.configuration(
                        "There is no configuration file %s; give the path of a YAML file", file);
            }
            if (!Files.isRegularFile(file)) {
                throw MmpoException.configuration("%s is not a file; give the path of a YAML file", file);
            }
            if (Files.size(file) > MAX_BYTES) {
                throw MmpoException.configuration(
                        "%s has %d bytes, and a configuration has at most %d; is it the right file?",
                        file, Files.size(file), MAX_BYTES);
            }
            return Utf8.decode(Files.readAllBytes(file));
        } catch (Utf8.Malformed e) {
            throw MmpoException.of(
                    MmpoException.Kind.CONFIGURATION,
                    e,
                    "%s:%d is not UTF-8 text (byte %d of the file); is it the right file?",
                    file,
                    e.line(),
                    e.offset() + 1);
        } catch (IOException e) {
            throw IoProblem.unreadable(MmpoException.Kind.CONFIGURATION, file, e);
        }
    }

    private Map<String, Assignment> readMapping() throws IOException {
        JsonToken first = parser.nextToken();
        while (first == JsonToken.VALUE_NULL || isEmptyScalar(first)) {
            first = parser.nextToken(); // a file of comments, or --- with nothing before it
        }
        if (first == null) {
            return assignments;
        }
        if (first != JsonToken.START_OBJECT) {
            throw MmpoException.configuration(
                    "%s must hold lines of the form \"key: value\", and begins with something else", file);
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            String where = where();
            Assignment earlier = assignments.put(key, readValue(where));
            if (earlier != null) {
                throw MmpoException.configuration(
                        "%s is set twice, at %s and %s; keep one", Echo.of(key), earlier.where(), where);
            }
        }
        requireEnd();
        return assignments;
    }

    /** A file may hold several documents, of which a reader that stops after the first would not know. */
    private void requireEnd() throws IOException {
        JsonToken next = parser.nextToken();
        if (next != null && next != JsonToken.VALUE_NULL && !isEmptyScalar(next)) {
            throw MmpoException.configuration(
                    "%s belongs to a second YAML document, and a configuration is one: remove the line --- before it, or keep what"
                            + " follows in a file of its own",
                    where());
        }
    }

    private boolean isEmptyScalar(JsonToken token) throws IOException {
        return token == JsonToken.VALUE_STRING && parser.getText().isEmpty();
    }

    private Assignment readValue(String where) throws IOException {
        JsonToken token = parser.nextToken();
        if (parser.isCurrentAlias()) {
            throw MmpoException.configuration("%s uses a YAML alias; write the value out", where);
        }
        if (token != JsonToken.START_OBJECT && token != JsonToken.START_ARRAY) {
            return Assignment.scalar(parser.getText(), where);
        }
        JsonNode tree = readTree(where);
        if (tree.isArray() && tree.isEmpty()) {
            return new Assignment(null, null, where);
        }
        boolean onlyScalar = tree.isArray() && tree.size() == 1 && tree.get(0).isValueNode();
        // A list of one scalar is that scalar, as TRL allows for loss_type and report_to.
        return onlyScalar ? new Assignment(tree.get(0).textValue(), null, where) : Assignment.nested(tree, where);
    }

    /** The value that the parser stands at; its scalars stay text. */
    private JsonNode readTree(String where) throws IOException {
        if (parser.isCurrentAlias()) {
            throw MmpoException.configuration("%s uses a YAML alias; write the value out", where);
        }
        switch (parser.currentToken()) {
            case START_OBJECT -> {
                ObjectNode object = JsonNodeFactory.instance.objectNode();
                while (parser.nextToken() == JsonToken.FIELD_NAME) {
                    String key = parser.currentName();
                    parser.nextToken();
                    if (object.has(key)) {
                        throw MmpoException.configuration("'%s' is set twice at %s; keep one", key, where());
                    }
                    object.set(key, readTree(where));
                }
                return object;
            }
            case START_ARRAY -> {
                ArrayNode array = JsonNodeFactory.instance.arrayNode();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    array.add(readTree(where));
                }
                return array;
            }
            default -> {
                String text = parser.getText();
                return Assignment.isNull(text) ? NullNode.instance : new TextNode(text);
            }
        }
    }

    private String where() {
        return file + ":" + parser.currentTokenLocation().getLineNr();
    }
}

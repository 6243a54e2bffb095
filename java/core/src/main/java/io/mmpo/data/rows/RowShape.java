package io.mmpo.data.rows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Reads a row's keys into a {@link Sample}. Keys that no shape knows are ignored. */
public abstract class RowShape {
    public abstract Sample read(ObjectNode row, RowPlace place);

    /** Every key that a row of this shape may have. */
    public abstract Set<String> keys();

    /** What rows may look like, for messages. */
    public abstract String accepted();

    final MmpoException wrongShape(ObjectNode row, RowPlace place, String problem) {
        return place.error(
                "%s; found the keys %s. Rows are %s",
                problem, PrintableText.excerpt(String.join(", ", keysOf(row))), accepted());
    }

    static List<String> keysOf(ObjectNode row) {
        List<String> keys = new ArrayList<>();
        row.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    static boolean isConversation(JsonNode value) {
        return value != null
                && value.isArray()
                && (value.isEmpty() || value.get(0).isObject());
    }

    /** Present and not null. */
    static boolean has(ObjectNode row, String key) {
        return row.hasNonNull(key);
    }

    static int[] ids(ObjectNode row, String key, RowPlace place) {
        JsonNode array = row.path(key);
        if (!array.isArray()) {
            throw place.error("%s must be a list of token ids, found %s", key, RowJson.describe(array));
        }
        int[] ids = new int[array.size()];
        for (int i = 0; i < ids.length; i++) {
            JsonNode id = array.get(i);
            if (!id.isIntegralNumber() || !id.canConvertToInt() || id.intValue() < 0) {
                throw place.error(
                        "%s must hold token ids, integers from 0, found %s at %d", key, RowJson.describe(id), i);
            }
            ids[i] = id.intValue();
        }
        return ids;
    }

    static String text(ObjectNode row, String key, RowPlace place) {
        JsonNode value = row.path(key);
        if (!value.isTextual()) {
            throw place.error("%s must be text here, found %s", key, RowJson.describe(value));
        }
        return value.textValue();
    }

    public static List<Map<String, Object>> messages(ObjectNode row, String key, RowPlace place) {
        JsonNode array = row.path(key);
        if (!array.isArray()) {
            throw place.error("%s must be a list of messages here, found %s", key, RowJson.describe(array));
        }
        List<Map<String, Object>> messages = new ArrayList<>();
        for (int i = 0; i < array.size(); i++) {
            JsonNode message = fromShareGpt(array.get(i));
            if (!message.path("role").isTextual()) {
                throw place.error(
                        "%s[%d] must be a message, an object with role and content, found %s",
                        key, i, RowJson.describe(message));
            }
            JsonNode content = message.path("content");
            if (!content.isTextual() && !content.isArray() && !message.hasNonNull("tool_calls")) {
                throw place.error(
                        "%s[%d].content must be text, or a list of parts, found %s", key, i, RowJson.describe(content));
            }
            messages.add(TemplateVariables.plainMap(message));
        }
        return messages;
    }

    /** Whether a list begins with a message of ShareGPT's keys. */
    static boolean isFromValue(JsonNode list) {
        return list != null
                && list.isArray()
                && !list.isEmpty()
                && list.get(0).has("from")
                && list.get(0).has("value");
    }

    /**
     * A message with ShareGPT's keys under the usual names, as TRL renames them: {@code from} is the role, as it is spelt there, and
     * {@code value} the content.
     */
    private static JsonNode fromShareGpt(JsonNode message) {
        if (!(message instanceof ObjectNode object) || !(object.has("from") || object.has("value"))) {
            return message;
        }
        ObjectNode renamed = object.deepCopy();
        JsonNode role = renamed.remove("from");
        JsonNode content = renamed.remove("value");
        if (role != null) {
            renamed.set("role", role);
        }
        if (content != null) {
            renamed.set("content", content);
        }
        return renamed;
    }
}

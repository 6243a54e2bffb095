package io.mmpo.data.rows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a row gives its chat template beside the messages, as TRL hands it over: {@code tools}, a list or its JSON text, and
 * whatever {@code chat_template_kwargs} holds, which wins.
 */
public final class TemplateVariables {
    /** The variable that names a template of the model, or is one. */
    public static final String TEMPLATE = "chat_template";

    /** Arguments of transformers' apply_chat_template that are no variables, and change what TRL itself asks of it. */
    private static final Set<String> ARGUMENTS = Set.of(
            "conversation",
            "messages",
            "add_generation_prompt",
            "continue_final_message",
            "tokenize",
            "padding",
            "truncation",
            "max_length",
            "return_tensors",
            "return_dict",
            "return_assistant_tokens_mask",
            "tokenizer_kwargs");

    private TemplateVariables() {}

    public static Map<String, Object> of(ObjectNode row, RowPlace place) {
        Map<String, Object> variables = new LinkedHashMap<>();
        if (row.hasNonNull("tools")) {
            JsonNode tools = row.get("tools");
            JsonNode list = tools.isTextual() ? RowJson.parseValue(tools.textValue(), "tools", place) : tools;
            putObjects(variables, "tools", list, place);
        }
        if (row.hasNonNull("chat_template_kwargs")) {
            JsonNode extra = row.get("chat_template_kwargs");
            if (!extra.isObject()) {
                throw place.error("chat_template_kwargs must be an object, found %s", RowJson.describe(extra));
            }
            extra.properties().forEach(entry -> add(variables, entry.getKey(), entry.getValue(), place));
        }
        return variables;
    }

    private static void add(Map<String, Object> variables, String name, JsonNode value, RowPlace place) {
        if (ARGUMENTS.contains(name)) {
            throw place.error(
                    "chat_template_kwargs holds variables of the chat template, and %s is none: how a row is rendered is not for the row "
                            + "to say. Remove the key",
                    name);
        }
        switch (name) {
            case "tools", "documents" -> putObjects(variables, name, value, place);
            case TEMPLATE -> {
                if (!value.isTextual() && !value.isNull()) {
                    throw place.error(
                            "chat_template_kwargs.chat_template must be a template's name or text, found %s",
                            RowJson.describe(value));
                }
                variables.put(name, value.textValue());
            }
            default -> variables.put(name, plain(value));
        }
    }

    /** transformers takes a list of objects, or none. */
    private static void putObjects(Map<String, Object> variables, String name, JsonNode list, RowPlace place) {
        if (list.isNull()) {
            variables.put(name, null);
            return;
        }
        if (!list.isArray()) {
            throw place.error("%s must be a list of objects, or its JSON text, found %s", name, RowJson.describe(list));
        }
        for (int i = 0; i < list.size(); i++) {
            if (!list.get(i).isObject()) {
                throw place.error("%s[%d] must be an object, found %s", name, i, RowJson.describe(list.get(i)));
            }
        }
        variables.put(name, plain(list));
    }

    /** As a template sees it: integers are Long or BigInteger, other numbers Double. */
    static @Nullable Object plain(JsonNode node) {
        return switch (node.getNodeType()) {
            case ARRAY -> {
                List<@Nullable Object> list = new ArrayList<>(node.size());
                node.forEach(element -> list.add(plain(element)));
                yield list;
            }
            case OBJECT -> plainMap(node);
            case STRING -> node.textValue();
            case BOOLEAN -> node.booleanValue();
            case NUMBER -> {
                if (!node.isIntegralNumber()) {
                    yield node.doubleValue();
                }
                yield node.canConvertToLong() ? (Object) node.longValue() : node.bigIntegerValue();
            }
            default -> null;
        };
    }

    static Map<String, Object> plainMap(JsonNode object) {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        object.properties().forEach(entry -> map.put(entry.getKey(), plain(entry.getValue())));
        return map;
    }
}

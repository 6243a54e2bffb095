package io.mmpo.model;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.function.Predicate;

/** The only value of a key that is implemented, in words and as a test; null is always the same as absent. */
record OnlyValue(String wanted, Predicate<JsonNode> test) {
    static final OnlyValue FALSE = new OnlyValue("false", value -> value.isBoolean() && !value.asBoolean());
    static final OnlyValue ZERO = new OnlyValue("0", value -> value.isNumber() && value.asDouble() == 0);
    static final OnlyValue ONE = new OnlyValue("1", value -> value.isNumber() && value.asDouble() == 1);
    static final OnlyValue EMPTY = new OnlyValue("an empty one", value -> value.isContainerNode() && value.isEmpty());
    static final OnlyValue NONE = new OnlyValue("null", value -> false);

    static OnlyValue text(String wanted) {
        return new OnlyValue(
                '"' + wanted + '"', value -> value.isTextual() && value.asText().equals(wanted));
    }

    boolean allows(JsonNode value) {
        return value.isNull() || test.test(value);
    }
}

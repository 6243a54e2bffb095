package io.mmpo.config;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What a key was set to, before its type is known. text: the scalar as it was written, so that 5e-4 is a number and a bare
 * no stays "no"; null for YAML's null. tree: a mapping, or a list of several values, whose scalars are text or null likewise;
 * null for a scalar. where: file and line, or the command line.
 */
record Assignment(@Nullable String text, @Nullable JsonNode tree, String where) {
    static Assignment scalar(String text, String where) {
        return new Assignment(isNull(text) ? null : text, null, where);
    }

    static Assignment nested(JsonNode tree, String where) {
        return new Assignment(null, tree, where);
    }

    /** text: a scalar, quoted or not, or a list or a mapping in YAML's words. */
    static Assignment onCommandLine(String key, String text) {
        String where = "on the command line";
        return text.startsWith("[") || text.startsWith("{")
                ? YamlFile.readNested(key, text, where)
                : scalar(unquoted(text), where);
    }

    static Assignment inProgram(Object value) {
        String where = "in the program";
        boolean isNested = value instanceof Iterable<?> && !(value instanceof Path) || value instanceof Map<?, ?>;
        return isNested ? nested(YamlFile.treeOf(value), where) : scalar(String.valueOf(value), where);
    }

    private static String unquoted(String text) {
        boolean quoted = text.length() >= 2
                && (text.charAt(0) == '"' || text.charAt(0) == '\'')
                && text.charAt(0) == text.charAt(text.length() - 1);
        return quoted ? text.substring(1, text.length() - 1) : text;
    }

    static boolean isNull(String text) {
        return text.isEmpty() || text.equals("~") || text.equalsIgnoreCase("null");
    }

    boolean nested() {
        return tree != null;
    }

    /** Whether it is YAML's null, an empty text or an empty list. */
    boolean isNull() {
        return text == null && tree == null;
    }

    /** Whether both set a key to the same: 1 and 1.0 are one number. */
    boolean says(Assignment other) {
        return Objects.equals(tree, other.tree) && (Objects.equals(text, other.text) || isNumberOf(other));
    }

    private boolean isNumberOf(Assignment other) {
        try {
            return text != null
                    && other.text != null
                    && new BigDecimal(text).compareTo(new BigDecimal(other.text)) == 0;
        } catch (NumberFormatException e) {
            return false;
        }
    }
}

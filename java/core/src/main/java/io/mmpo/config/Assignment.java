package io.mmpo.config;

import com.fasterxml.jackson.databind.JsonNode;
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

    static boolean isNull(String text) {
        return text.isEmpty() || text.equals("~") || text.equalsIgnoreCase("null");
    }

    boolean nested() {
        return tree != null;
    }
}

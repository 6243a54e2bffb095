package io.mmpo.config;

import org.jspecify.annotations.Nullable;

/**
 * What a key was set to, before its type is known. text: the scalar as it was written, so that 5e-4 is a number and a bare
 * no stays "no"; null for YAML's null. nested: a mapping or a list of several values. where: file and line, or the command line.
 */
record Assignment(@Nullable String text, boolean nested, String where) {
    static Assignment scalar(String text, String where) {
        boolean isNull = text.isEmpty() || text.equals("~") || text.equalsIgnoreCase("null");
        return new Assignment(isNull ? null : text, false, where);
    }
}

package io.mmpo.config;

import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a run was told, as its config.yaml has it, for reading beside other runs. Nothing is checked: a file of another version of this
 * program may have keys that this one does not know.
 *
 * @param values the text of each key in the file's order; "null" where it is unset, JSON where it is a list or a mapping
 */
public record SavedConfig(Map<String, String> values) {
    public static SavedConfig read(Path file) {
        Map<String, String> values = new LinkedHashMap<>();
        YamlFile.read(file).forEach((key, assignment) -> values.put(key, text(assignment)));
        return new SavedConfig(Collections.unmodifiableMap(values));
    }

    private static String text(Assignment assignment) {
        return String.valueOf(assignment.tree() == null ? assignment.text() : assignment.tree());
    }
}

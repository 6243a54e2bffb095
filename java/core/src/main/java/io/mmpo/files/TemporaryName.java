package io.mmpo.files;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.UUID;
import java.util.regex.Pattern;

/** Names beside a target under which it is written until it is whole: hidden, and another one each time. */
final class TemporaryName {
    static final String INCOMPLETE = ".incomplete-";
    static final String REPLACED = ".replaced-";

    /** Of most file systems. */
    private static final int MAX_NAME_BYTES = 255;

    private static final int UUID_CHARS = 36;
    private static final Pattern OF_A_TARGET =
            Pattern.compile("\\.([^/]+)" + Pattern.quote(INCOMPLETE) + "[0-9a-f-]{" + UUID_CHARS + "}");

    private TemporaryName() {}

    static Path beside(Path target, String kind) {
        return target.resolveSibling(prefix(target, kind) + UUID.randomUUID());
    }

    /** What every temporary name of the target begins with. */
    static String prefix(Path target, String kind) {
        String name = target.getFileName().toString();
        int left = MAX_NAME_BYTES - 1 - kind.length() - UUID_CHARS;
        while (name.getBytes(StandardCharsets.UTF_8).length > left) {
            name = name.substring(0, name.offsetByCodePoints(name.length(), -1));
        }
        return "." + name + kind;
    }

    /** The text with the names of targets where it has temporary ones: what a reader knows of. */
    static String withTargets(String text) {
        return OF_A_TARGET.matcher(text).replaceAll("$1");
    }
}

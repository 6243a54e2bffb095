package io.mmpo.run;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Names of a run's models: checkpoint-20, final. */
public final class CheckpointName {
    public static final String FINAL = "final";

    private static final String PREFIX = "checkpoint-";
    private static final Pattern CHECKPOINT = Pattern.compile(PREFIX + "(\\d{1,9})");

    private CheckpointName() {}

    public static String of(int step) {
        return PREFIX + step;
    }

    public static OptionalInt stepOf(Path path) {
        return path.getFileName() == null
                ? OptionalInt.empty()
                : stepOf(path.getFileName().toString());
    }

    /** Empty where it is no checkpoint's name. */
    public static OptionalInt stepOf(String name) {
        Matcher matcher = CHECKPOINT.matcher(name);
        return matcher.matches() ? OptionalInt.of(Integer.parseInt(matcher.group(1))) : OptionalInt.empty();
    }

    /** The last part of a path that is such a name. */
    public static Optional<String> in(Path path) {
        Optional<String> found = Optional.empty();
        for (Path part : path) {
            String name = part.toString();
            if (name.equals(FINAL) || stepOf(name).isPresent()) {
                found = Optional.of(name);
            }
        }
        return found;
    }
}

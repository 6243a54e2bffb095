package io.mmpo.files;

import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Where a path that someone gave for output leads, symbolic links followed. */
sealed interface OutputPlace {
    /** A file, or the place of one that does not exist yet. */
    record File(Path path) implements OutputPlace {}

    /** A device, a FIFO, or another process's descriptor: it can be written into, not replaced. */
    record Stream(Path path) implements OutputPlace {}

    /** A descriptor of this process, such as /dev/stdout, whatever it is connected with. */
    record Descriptor(Path path, int number) implements OutputPlace {}

    /** As many as Linux follows. */
    int MAX_LINKS = 40;

    Pattern DESCRIPTORS = Pattern.compile("/proc/(\\d+)(?:/task/\\d+)?/fd");

    static OutputPlace of(Path target) throws IOException {
        Path place = target.toAbsolutePath();
        for (int links = 0; links <= MAX_LINKS; links++) {
            OptionalInt descriptor = ownDescriptor(place);
            if (descriptor.isPresent()) {
                return new Descriptor(place, descriptor.getAsInt());
            }
            if (isDescriptor(place)) {
                return new Stream(place);
            }
            if (!Files.isSymbolicLink(place)) {
                return ofNoLink(place, target);
            }
            place = place.resolveSibling(Files.readSymbolicLink(place));
        }
        throw MmpoException.environment(
                "%s is a symbolic link that leads to no file, but round in a circle; give the path of a file to write",
                target);
    }

    private static OutputPlace ofNoLink(Path place, Path target) {
        if (Files.isDirectory(place)) {
            throw MmpoException.environment("%s is a directory; give the path of a file to write", target);
        }
        return Files.exists(place) && !Files.isRegularFile(place) ? new Stream(place) : new File(place);
    }

    private static OptionalInt ownDescriptor(Path place) {
        Matcher directory = descriptors(place);
        return directory.matches()
                        && Long.parseLong(directory.group(1))
                                == ProcessHandle.current().pid()
                ? OptionalInt.of(Integer.parseInt(place.getFileName().toString()))
                : OptionalInt.empty();
    }

    private static boolean isDescriptor(Path place) {
        return descriptors(place).matches();
    }

    /** What such a link says ("pipe:[4711]") is no path, so it must be known before it is followed. */
    private static Matcher descriptors(Path place) {
        Path parent = place.getParent();
        String directory = "";
        try {
            if (parent != null && place.getFileName().toString().matches("\\d{1,9}")) {
                directory = parent.toRealPath().toString();
            }
        } catch (IOException e) {
            directory = ""; // there is none, so it is not the one of the descriptors
        }
        return DESCRIPTORS.matcher(directory);
    }
}

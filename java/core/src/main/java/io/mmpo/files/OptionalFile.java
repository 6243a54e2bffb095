package io.mmpo.files;

import io.mmpo.MmpoException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;

/** A file that a model's directory may lack. */
public final class OptionalFile {
    private OptionalFile() {}

    /**
     * Whether there is one. A link to nothing is no lack, but a file that is lost: caches of hubs, and copies of them, are made of links.
     *
     * @throws MmpoException for such a link, and for a directory
     */
    public static boolean isThere(Path file) {
        if (Files.isRegularFile(file)) {
            return true;
        }
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            throw MmpoException.data(
                    "%s %s. Bring the file back, or remove the entry if the model has none.", file, inItsPlace(file));
        }
        return false;
    }

    private static String inItsPlace(Path file) {
        if (Files.isDirectory(file)) {
            return "is a directory; a file is wanted";
        }
        return Files.isSymbolicLink(file) ? "is a link to a file that does not exist" : "is no file that can be read";
    }
}

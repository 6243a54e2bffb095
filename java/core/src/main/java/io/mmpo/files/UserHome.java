package io.mmpo.files;

import java.nio.file.Path;
import java.util.Map;

/**
 * The user's home directory: where HOME points, as for a shell and for Python, else what the system's list of users says, which is all
 * that Java asks. In a container or a batch job the two may differ, and the second may not be there.
 */
public final class UserHome {
    private UserHome() {}

    public static Path directory(Map<String, String> environment) {
        String home = environment.getOrDefault("HOME", "");
        return Path.of(home.startsWith("/") ? home : System.getProperty("user.home"));
    }

    /** {@link #expand(String, Map)} in this process's environment. */
    public static String expand(String path) {
        return expand(path, System.getenv());
    }

    /** A path whose first name is ~ lies in the home directory; a shell reads ~ only at the beginning of a word. */
    public static String expand(String path, Map<String, String> environment) {
        if (!path.equals("~") && !path.startsWith("~/")) {
            return path;
        }
        return directory(environment) + path.substring(1);
    }
}

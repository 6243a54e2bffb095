package io.mmpo.nativelib;

import io.mmpo.MmpoException;
import java.util.Locale;

/** Where this JVM runs, in the words of native artifacts: "linux-x86_64". */
record Platform(String name) {
    private static final String SUPPORTED = "linux-x86_64";

    static Platform current() {
        return of(System.getProperty("os.name"), System.getProperty("os.arch"));
    }

    static Platform of(String operatingSystem, String architecture) {
        boolean linux = operatingSystem.toLowerCase(Locale.ROOT).startsWith("linux");
        boolean x86 = architecture.equals("amd64") || architecture.equals("x86_64");
        if (!linux || !x86) {
            throw MmpoException.environment(
                    "mmpo computes on %s only, this JVM runs on %s %s. Run it on 64-bit x86 Linux, or in a container of it.",
                    SUPPORTED, operatingSystem, architecture);
        }
        return new Platform(SUPPORTED);
    }
}

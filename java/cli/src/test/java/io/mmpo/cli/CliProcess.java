package io.mmpo.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** The command line in a process of its own, as the launcher starts it: something that can be killed. */
final class CliProcess {
    private CliProcess() {}

    /** Standard output and error are one stream. */
    static Process start(Object... words) throws IOException {
        return start(Map.of(), words);
    }

    /** environment: beside this process's own. */
    static Process start(Map<String, String> environment, Object... words) throws IOException {
        return prepare(environment, words).redirectErrorStream(true).start();
    }

    /** Without a place for its output yet. */
    static ProcessBuilder prepare(Map<String, String> environment, Object... words) {
        List<String> command = new ArrayList<>(List.of(
                "env",
                "--default-signal=INT,HUP", // which nohup and a shell's & have ignored, by all processes below
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", // it lives for a second
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
        Arrays.stream(words).map(Object::toString).forEach(command::add);
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(environment);
        return builder;
    }
}

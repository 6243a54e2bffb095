package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import javax.tools.ToolProvider;

/** A program that uses this build's library as any other would: with a compiler and a process of its own, without DuckDB. */
final class Application {
    private Application() {}

    static String classPath() {
        return BuiltLibrary.classPath().stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
    }

    static void compile(String... arguments) {
        List<String> all = new ArrayList<>(List.of("-proc:none", "-nowarn"));
        all.addAll(List.of(arguments));
        int status = ToolProvider.getSystemJavaCompiler().run(null, System.err, System.err, all.toArray(String[]::new));
        assertThat(status).isZero();
    }

    /** What it prints, and how it ends, in a new working directory under the given one. work: that directory. */
    record Ended(int status, String text, Path work) {}

    static Ended run(Path directory, String... arguments) throws IOException, InterruptedException {
        return run(directory, Map.of(), arguments);
    }

    /** environment: beside what the tests run with. */
    static Ended run(Path directory, Map<String, String> environment, String... arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "--illegal-native-access=deny",
                "-Dmmpo.libtorch=" + System.getProperty("mmpo.libtorch", "")));
        command.addAll(List.of(arguments));
        Path out = Files.createTempFile(directory, "out", ".txt");
        Path work = Files.createTempDirectory(directory, "work");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(work.toFile())
                .redirectErrorStream(true)
                .redirectOutput(out.toFile());
        builder.environment().putAll(environment);
        Process process = builder.start();
        try {
            assertThat(process.waitFor(150, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        return new Ended(process.exitValue(), Files.readString(out), work);
    }
}

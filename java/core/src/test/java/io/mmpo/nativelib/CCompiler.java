package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/** The system's C compiler, for tests against the real headers. Skips a test where there is none. */
final class CCompiler {
    private static final Path INCLUDED =
            Path.of("../../native/include").toAbsolutePath().normalize();

    private CCompiler() {}

    /** The text of all headers of the boundary. */
    static String headers() throws IOException {
        StringBuilder text = new StringBuilder();
        try (Stream<Path> files = Files.list(INCLUDED.resolve("mmpo"))) {
            for (Path file : files.sorted().toList()) {
                text.append(Files.readString(file));
            }
        }
        return text.toString();
    }

    static String compileAndRun(Path directory, String source) throws IOException, InterruptedException {
        Path program = compile(directory, source, "program");
        return run(List.of(program.toString()));
    }

    static Path compileLibrary(Path directory, String source) throws IOException, InterruptedException {
        return compile(directory, source, "library.so", "-shared", "-fPIC");
    }

    private static Path compile(Path directory, String source, String output, String... flags)
            throws IOException, InterruptedException {
        Path file = Files.writeString(directory.resolve("source.c"), source);
        Path target = directory.resolve(output);
        List<String> command = new ArrayList<>(List.of("cc", "-std=c11", "-Wall", "-Werror", "-I"));
        command.add(INCLUDED.toString());
        command.addAll(List.of(flags));
        command.addAll(List.of("-o", target.toString(), file.toString()));
        run(command);
        return target;
    }

    private static String run(List<String> command) throws IOException, InterruptedException {
        Process process;
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            return Assumptions.abort("skipped: " + command.getFirst() + " cannot be run: " + e.getMessage());
        }
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as("%s%n%s", command, output).isZero();
        return output;
    }
}

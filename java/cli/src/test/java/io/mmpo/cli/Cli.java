package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Runs the whole command line inside this process. */
record Cli(int exitCode, String out, String err) {
    static Cli run(Object... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        String[] words = Arrays.stream(args).map(Object::toString).toArray(String[]::new);
        int exitCode = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), words);
        return new Cli(exitCode, out.toString(), err.toString());
    }

    Cli succeeds() {
        assertThat(exitCode).as(err).isZero();
        return this;
    }

    /** One paragraph, the last line on stderr, and no stack trace. */
    void failsWith(int expectedExitCode, String... words) {
        assertThat(exitCode).as(err).isEqualTo(expectedExitCode);
        String paragraph = err.lines().reduce((first, second) -> second).orElse("");
        assertThat(paragraph).startsWith("mmpo: ").contains(words);
        assertThat(err.lines().filter(line -> line.startsWith("mmpo: "))).hasSize(1);
        assertThat(err).doesNotContain("\tat ");
    }

    /** The objects of a file that has one a line. */
    static List<JsonNode> readJsonLines(Path file) throws IOException {
        List<JsonNode> objects = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            objects.add(new ObjectMapper().readTree(line));
        }
        return objects;
    }
}

package io.mmpo.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.data.Goldens;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LocalLibraryTest {
    /** In a process of its own, since the library is loaded once a process. */
    @Test
    void loadsWhateverTheThreadsClassLoaderKnows() throws Exception {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        LocalLibraryTest.class.getName(),
                        Goldens.path("models/stories260k").toString())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        assertThat(output).contains("[1, 403, 407, 261, 378]");
    }

    public static void main(String[] arguments) {
        Thread.currentThread().setContextClassLoader(ClassLoader.getPlatformClassLoader());
        try (Tokenizer tokenizer = Tokenizer.open(Path.of(arguments[0]), Optional.empty())) {
            System.out.println(Arrays.toString(tokenizer.encode("Once upon a time", true)));
        }
    }
}

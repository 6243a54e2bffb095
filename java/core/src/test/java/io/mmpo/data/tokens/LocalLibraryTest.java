package io.mmpo.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.data.Goldens;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalLibraryTest {
    /** In a process of its own, since the library is loaded once a process. */
    @Test
    void loadsWhateverTheThreadsClassLoaderKnows() throws Exception {
        assertThat(run("--enable-native-access=ALL-UNNAMED", Map.of()))
                .contains("[1, 403, 407, 261, 378]")
                .endsWith("ended with 0");
    }

    /** The model's files are not what has to be mended. */
    @Test
    void saysWhyItCannotBeLoaded(@TempDir Path cache) throws Exception {
        assertThat(run("--illegal-native-access=deny", Map.of()))
                .contains(
                        "EnvironmentException: The models are computed with in native code, which this program may not call")
                .contains("Start java with --enable-native-access=ALL-UNNAMED")
                .endsWith("ended with 1");
        Files.writeString(cache.resolve("djl"), "a file where a directory is wanted");
        assertThat(run("--enable-native-access=ALL-UNNAMED", Map.of("MMPO_CACHE", cache.toString())))
                .contains("EnvironmentException: The native tokenizers library could not be loaded")
                .contains(cache.resolve("djl") + " is no directory")
                .contains("; make room and writing possible there")
                .endsWith("ended with 1");
    }

    private static String run(String option, Map<String, String> environment) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        option,
                        "-cp",
                        System.getProperty("java.class.path"),
                        LocalLibraryTest.class.getName(),
                        Goldens.path("models/stories260k").toString())
                .redirectErrorStream(true);
        builder.environment().putAll(environment);
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return output + "ended with " + process.waitFor();
    }

    public static void main(String[] arguments) {
        Thread.currentThread().setContextClassLoader(ClassLoader.getPlatformClassLoader());
        try (Tokenizer tokenizer = Tokenizer.open(Path.of(arguments[0]), Optional.empty())) {
            System.out.println(Arrays.toString(tokenizer.encode("Once upon a time", true)));
        }
    }
}

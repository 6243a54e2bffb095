package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The C program of docs/abi.md is one that compiles. */
class AbiPageTest {
    private static final Path PAGE = Path.of("../../docs/abi.md");

    @TempDir
    Path directory;

    @Test
    void theExampleCompiles() throws Exception {
        String source = Pattern.compile("```c\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(PAGE))
                .results()
                .map((MatchResult block) -> block.group(1))
                .collect(Collectors.joining());
        assertThat(source).contains("mmpo_model_create");
        CCompiler.compileLibrary(directory, source);
    }

    @Test
    void thePageNamesEveryStatus() throws Exception {
        String page = Files.readString(PAGE);
        for (NativeException.Status status : NativeException.Status.values()) {
            assertThat(page).contains("`MMPO_" + status + "`");
        }
    }
}

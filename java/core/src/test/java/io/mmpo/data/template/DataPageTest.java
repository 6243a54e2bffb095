package io.mmpo.data.template;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** docs/data.md says what the code does. */
class DataPageTest {
    private static String page() throws IOException {
        Path directory = Path.of("").toAbsolutePath();
        while (!Files.exists(directory.resolve("docs/data.md"))) {
            directory = directory.getParent();
        }
        return Files.readString(directory.resolve("docs/data.md")).replaceAll("\\s+", " ");
    }

    @Test
    void listsTheFilters() throws IOException {
        String page = page();
        String listed = page.substring(page.indexOf("these filters:") + 14, page.indexOf("; and the methods of text"));
        assertThat(Arrays.stream(listed.split(",")).map(String::strip)).containsExactlyElementsOf(JinjaFilters.names());
    }

    @Test
    void namesTheLimits() throws IOException {
        for (long limit : List.of(
                (long) JinjaTemplate.MAX_SOURCE,
                RenderLimits.MAX_STEPS,
                (long) RenderLimits.MAX_TEXT,
                RenderLimits.MAX_MEMORY,
                (long) RenderLimits.MAX_ITEMS,
                (long) PythonRange.MAX_SIZE)) {
            assertThat(page()).contains(String.format(Locale.ROOT, "%,d", limit));
        }
        assertThat(page())
                .contains("| one rendering | " + JinjaTemplate.MAX_RENDER_MILLIS / 1000 + " s")
                .contains("| calls inside each other | " + JinjaTemplate.MAX_CALL_DEPTH + " |")
                .contains("| an expression, or blocks inside each other | " + TokenStream.MAX_NESTING + " levels |")
                .contains("| a value | " + RenderLimits.MAX_DEPTH + " levels |");
    }
}

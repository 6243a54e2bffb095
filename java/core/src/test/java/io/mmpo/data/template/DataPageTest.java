package io.mmpo.data.template;

import static org.assertj.core.api.Assertions.assertThat;

import com.hubspot.jinjava.lib.filter.Filter;
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
        List<String> names = JinjaFilters.all().stream()
                .map(Filter::getName)
                .filter(name -> !name.equals(JinjaCode.REVERSED))
                .sorted()
                .toList();
        assertThat(Arrays.stream(listed.split(",")).map(String::strip)).containsExactlyElementsOf(names);
    }

    @Test
    void namesTheLimits() throws IOException {
        for (long limit : List.of(
                (long) JinjaTemplate.MAX_SOURCE,
                RenderLimits.MAX_STEPS,
                (long) PythonValues.MAX_TEXT,
                RenderLimits.MAX_TOTAL_TEXT,
                (long) JinjaTemplate.MAX_COLLECTION,
                PythonValues.MAX_COMPARISONS)) {
            assertThat(page()).contains(String.format(Locale.ROOT, "%,d", limit));
        }
        assertThat(page())
                .contains("| one rendering | " + JinjaTemplate.MAX_RENDER_MILLIS / 1000 + " s")
                .contains("| calls of macros inside each other | " + JinjaTemplate.MAX_MACRO_DEPTH + " |");
    }
}

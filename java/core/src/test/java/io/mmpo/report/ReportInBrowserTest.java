package io.mmpo.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The page in a real browser, on a phone and on a desk, light and dark. With MMPO_REPORT_PICTURES=DIR in the environment the pictures
 * are left there, for eyes.
 */
class ReportInBrowserTest {
    private static final int PHONE = 360;
    private static final int DESK = 1280;

    /** Elements that stick out to the right of the window and do not move in a frame of their own. */
    private static final String OVERFLOWING = """
        [...document.querySelectorAll('body *')]
          .filter(e => !e.closest('.scroll') && e.getBoundingClientRect().right > %d + 0.5)
          .map(e => e.tagName + ' ' + e.textContent.slice(0, 60))""";

    /** Words of plots that are outside of their plot, and so cut off. */
    private static final String CUT_OFF = """
        [...document.querySelectorAll('figure > svg')].flatMap(svg => {
          const frame = svg.getBoundingClientRect();
          return [...svg.querySelectorAll('text')].filter(text => {
            const box = text.getBoundingClientRect();
            return box.right > frame.right + 0.5 || box.left < frame.left - 0.5
                || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
          }).map(text => svg.parentElement.id + ': ' + text.textContent);
        })""";

    /** Size of the smallest words of a plot, in pixels of the screen. */
    private static final String SMALLEST_WORDS = """
        Math.min(...[...document.querySelectorAll('figure > svg')].map(
          svg => 12 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width))""";

    @TempDir
    Path directory;

    @Test
    void fitsEveryScreen() throws Exception {
        Path page =
                Report.of(ExampleRuns.all(directory.resolve("runs"))).write(directory.resolve("report"), note -> {});
        try (Chromium chromium = Chromium.start(Files.createDirectory(directory.resolve("profile")))) {
            for (int width : List.of(PHONE, DESK)) {
                for (boolean isDark : List.of(false, true)) {
                    chromium.show(page, width, 800, isDark);
                    String where = width + (isDark ? "-dark" : "-light");
                    keepPicture(chromium, where);
                    assertThat(chromium.problems()).as(where).isEmpty();
                    assertThat(texts(chromium.evaluate(OVERFLOWING.formatted(width))))
                            .as(where)
                            .isEmpty();
                    assertThat(texts(chromium.evaluate(CUT_OFF))).as(where).isEmpty();
                    assertThat(chromium.evaluate("document.documentElement.scrollWidth")
                                    .asInt())
                            .as(where)
                            .isLessThanOrEqualTo(width);
                    assertThat(chromium.evaluate(SMALLEST_WORDS).asDouble())
                            .as(where)
                            .isGreaterThan(9);
                    assertThat(chromium.evaluate("getComputedStyle(document.documentElement).backgroundColor")
                                    .asText())
                            .isEqualTo(isDark ? "rgb(20, 24, 28)" : "rgb(255, 255, 255)");
                }
            }
            assertThat(chromium.evaluate("document.querySelectorAll('figure > svg').length")
                            .asInt())
                    .isGreaterThanOrEqualTo(10);
            assertThat(chromium.evaluate("window.hacked === undefined").asBoolean())
                    .isTrue();
            assertThat(chromium.evaluate("document.querySelectorAll('script, img, iframe').length")
                            .asInt())
                    .isZero();
        }
    }

    private static List<String> texts(JsonNode array) {
        assertThat(array.isArray()).isTrue();
        return array.valueStream().map(JsonNode::asText).toList();
    }

    private static void keepPicture(Chromium chromium, String name) throws Exception {
        String pictures = System.getenv("MMPO_REPORT_PICTURES");
        if (pictures != null) {
            Files.write(Files.createDirectories(Path.of(pictures)).resolve(name + ".png"), chromium.screenshot());
        }
    }
}

package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The table of docs/plan.md is the one that bench/plan/run has measured, and what it calls planned is what is planned now. */
class PlanPageTest {
    private static final Path PAGE = Markdown.ROOT.resolve("docs/plan.md");
    private static final Path RESULTS = Markdown.ROOT.resolve("bench/RESULTS.md");
    private static final Pattern SECTION =
            Pattern.compile("^## Memory: planned, and taken\n\n.+\n\n((?:\\|.*\n)+)", Pattern.MULTILINE);
    private static final Pattern PART =
            Pattern.compile("(<!-- begin peaks -->\n).*(<!-- end peaks -->)", Pattern.DOTALL);
    private static final Pattern KEY = Pattern.compile("`(\\w+)`");
    private static final Pattern TOTAL = Pattern.compile("(?m)^ +all +(\\d+\\.\\d+)$");

    @Test
    void theTableIsThatOfTheResults() throws IOException {
        String page = Files.readString(PAGE);
        String expected = PART.matcher(page)
                .replaceAll(part -> Matcher.quoteReplacement(part.group(1) + table() + part.group(2)));
        if ("1".equals(System.getenv("MMPO_WRITE_PAGES"))) {
            Files.writeString(PAGE, expected);
        }
        assertThat(Files.readString(PAGE))
                .as("run this test with MMPO_WRITE_PAGES=1 in the environment, and the table is written")
                .isEqualTo(expected)
                .contains("| planned, GiB |");
    }

    /** Where it is not, bench/plan/run --record measures the table anew. */
    @Test
    void whatWasPlannedIsPlannedStill() {
        List<List<String>> rows = table().lines().map(PlanPageTest::cells).toList();
        List<String> heading = rows.getFirst();
        assertThat(rows).hasSize(2 + 8);
        for (List<String> row : rows.subList(2, rows.size())) {
            List<Object> words = new ArrayList<>(List.of("plan", Markdown.ROOT.resolve("bench/plan/base.yaml")));
            words.add("model_name_or_path=" + SharedFiles.path("models/smollm2-135m-instruct"));
            for (int i = 0; i < heading.size(); i++) {
                Matcher key = KEY.matcher(heading.get(i));
                if (key.matches()) {
                    words.add(key.group(1) + "=" + row.get(i));
                }
            }
            Matcher total = TOTAL.matcher(Cli.run(words.toArray()).succeeds().out());
            assertThat(total.find()).as("%s", words).isTrue();
            assertThat(row.get(heading.indexOf("planned, GiB"))).as("%s", words).isEqualTo(total.group(1));
        }
    }

    private static List<String> cells(String line) {
        return Arrays.stream(line.split("\\|")).map(String::strip).skip(1).toList();
    }

    private static String table() {
        try {
            Matcher section = SECTION.matcher(Files.readString(RESULTS));
            assertThat(section.find()).as("bench/RESULTS.md has the section").isTrue();
            return section.group(1);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}

package io.mmpo.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

class ReportTest {
    @TempDir
    Path directory;

    private List<Path> runs;

    @BeforeEach
    void writeRuns() throws IOException {
        runs = ExampleRuns.all(directory.resolve("runs"));
    }

    private Path write(String name) {
        Path output = directory.resolve(name);
        Report.of(runs).write(output, note -> {});
        return output;
    }

    private static Document parse(Path file) throws Exception {
        String text = Files.readString(file).replaceFirst("<!DOCTYPE html>\n", "");
        return DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
    }

    private static List<Element> elements(Document document, String name) {
        NodeList nodes = document.getElementsByTagName(name);
        List<Element> elements = new ArrayList<>();
        for (int i = 0; i < nodes.getLength(); i++) {
            elements.add((Element) nodes.item(i));
        }
        return elements;
    }

    @Test
    void thePageIsWellFormedAndHoldsNoMarkupOfARun() throws Exception {
        Document page = parse(write("report").resolve("index.html"));
        assertThat(elements(page, "script")).isEmpty();
        assertThat(elements(page, "img")).isEmpty();
        assertThat(page.getDocumentElement().getTextContent()).contains(ExampleRuns.HOSTILE, "smol-<script>alert(1)&'");
        assertThat(page.getDocumentElement().getTextContent())
                .contains("\\u202e\\u0007")
                .doesNotContain("\u202e");
        for (String name : List.of("a", "link", "use", "image")) {
            for (Element element : elements(page, name)) {
                assertThat(element.getAttribute("href")).matches("#[a-z-]+|(plots|tables)/[a-z0-9-]+\\.(svg|png|csv)");
            }
        }
    }

    @Test
    void whoDoesNotSeeItIsTold() throws Exception {
        Document page = parse(write("report").resolve("index.html"));
        Set<String> ids = new HashSet<>();
        for (Element element : elements(page, "*")) {
            if (element.hasAttribute("id")) {
                assertThat(ids.add(element.getAttribute("id")))
                        .as(element.getAttribute("id"))
                        .isTrue();
            }
        }
        List<Element> figures = elements(page, "figure");
        assertThat(figures).hasSizeGreaterThanOrEqualTo(10);
        for (Element figure : figures) {
            Element svg = (Element) figure.getElementsByTagName("svg").item(0);
            assertThat(svg.getAttribute("role")).isEqualTo("img");
            assertThat(ids).contains(svg.getAttribute("aria-labelledby").split(" "));
            assertThat(svg.getElementsByTagName("desc").item(0).getTextContent())
                    .contains(" from ");
            assertThat(figure.getElementsByTagName("table").getLength()).isEqualTo(1);
        }
        for (Element table : elements(page, "table")) {
            assertThat(table.getElementsByTagName("caption").item(0).getTextContent())
                    .isNotBlank();
            NodeList headings = table.getElementsByTagName("th");
            for (int i = 0; i < headings.getLength(); i++) {
                assertThat(((Element) headings.item(i)).getAttribute("scope")).isIn("col", "row");
            }
        }
    }

    @Test
    void lossesHavePlotsOfTheirOwn() throws Exception {
        Path report = write("report");
        assertThat(Files.readString(report.resolve("plots/loss-mmpo.csv")))
                .contains("mmpo-0.01, training")
                .doesNotContain("dpo");
        assertThat(Files.readString(report.resolve("plots/loss-dpo.csv")))
                .contains("smol-dpo, training")
                .doesNotContain("mmpo");
        assertThat(Files.readString(report.resolve("plots/reward-accuracy.csv")))
                .contains("mmpo", "dpo");
        assertThat(Files.readString(report.resolve("tables/settings-that-differ.csv")))
                .contains("loss_type,mmpo,mmpo,dpo,dpo,mmpo", "beta,0.01,0.05,0.1,0.2,0.3");
        // The greatest accuracy is at the first checkpoint, the greatest win-rate at the last.
        assertThat(Files.readAllLines(report.resolve("tables/beside-the-paper.csv")))
                .hasSize(1 + 3 + 8)
                .anyMatch(line -> line.startsWith("\"the paper, SmolLM2-135M, MMPO\",34.44,61.86,68.09,34.08"))
                .anyMatch(line -> line.matches("[^,]*,34\\.9\\d*,52\\.5,60,34\\.\\d+"));
        assertThat(Files.readString(report.resolve("plots/win-rate-and-accuracy.csv")))
                .contains("smol-mmpo-0.01,checkpoint-10 (epoch 1),52.5,34.95");
    }

    @Test
    void everyPlotIsAnSvgAndAPictureToo() throws Exception {
        Assumptions.assumeTrue(PngWriter.problem().isEmpty(), "skipped: this machine has no font for PNG files");
        Path plots = write("report").resolve("plots");
        try (Stream<Path> files = Files.list(plots)) {
            for (Path file :
                    files.filter(path -> path.toString().endsWith(".svg")).toList()) {
                assertThat(parse(file).getDocumentElement().getTagName()).isEqualTo("svg");
                Path png = Path.of(file.toString().replace(".svg", ".png"));
                var image = ImageIO.read(png.toFile());
                assertThat(image.getWidth()).isEqualTo(1280);
                Set<Integer> colours = new HashSet<>();
                for (int x = 0; x < image.getWidth(); x++) {
                    for (int y = 100; y < image.getHeight(); y++) {
                        colours.add(image.getRGB(x, y) & 0xffffff);
                    }
                }
                assertThat(colours).as(png.toString()).contains(Palette.LIGHT.ground(), Palette.LIGHT.grid());
                assertThat(colours).containsAnyElementsOf(Palette.LIGHT.runs());
            }
        }
    }

    @Test
    void theSameRunsMakeTheSameBytes() throws IOException {
        assertThat(files(write("a"))).isEqualTo(files(write("b"))).hasSizeGreaterThan(30);
    }

    private static TreeMap<String, String> files(Path report) throws IOException {
        TreeMap<String, String> files = new TreeMap<>();
        try (Stream<Path> paths = Files.walk(report)) {
            for (Path path : paths.filter(Files::isRegularFile).toList()) {
                files.put(
                        report.relativize(path).toString(),
                        new String(Files.readAllBytes(path), StandardCharsets.ISO_8859_1));
            }
        }
        return files;
    }

    @Test
    void onlyAReportIsReplaced() throws IOException {
        Path report = write("report");
        Files.delete(runs.getFirst().resolve("answers.jsonl"));
        write("report");
        Path notes = Files.writeString(report.resolve("notes.txt"), "mine");
        assertThatThrownBy(() -> write("report")).hasMessageContaining("is no report that could be replaced");
        assertThat(notes).exists();
        Path run = runs.getFirst();
        assertThatThrownBy(() -> Report.of(runs).write(run, note -> {})).hasMessageContaining("is no report");
        assertThat(run.resolve("metrics.jsonl")).exists();
        Files.createDirectory(directory.resolve("empty"));
        assertThat(write("empty").resolve("index.html")).exists();
    }

    @Test
    void aRunThatHasLoggedNothingHasAPageToo() throws Exception {
        Path run = Files.createDirectories(directory.resolve("begun"));
        ExampleRuns.config(run, "simpo", 2);
        Path page = Report.of(List.of(run)).write(directory.resolve("report"), note -> {});
        assertThat(parse(page).getDocumentElement().getTextContent())
                .contains("SimPO, no metrics yet", "No run has logged anything yet.");
    }
}

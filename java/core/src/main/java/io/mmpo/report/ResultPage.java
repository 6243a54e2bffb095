package io.mmpo.report;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * A page of results that are no curves of runs: sections of sentences, a plot and a table each, looked at and kept on disk as a report is.
 * <pre>{@code
 * ResultPage page = new ResultPage("Tuning", "MMPO");
 * page.section("Learning rate", sentences, Optional.of(plot), table);
 * page.write(Path.of("tuning"), System.err::println);
 * }</pre>
 */
public final class ResultPage {
    /** A greater quotient of two values makes an axis logarithmic. */
    private static final double WIDE = 9;

    private final String title;
    private final String subtitle;
    private final List<Section> sections = new ArrayList<>();

    private record Section(String heading, List<String> sentences, List<Plot> plots, Table table) {}

    /** values: by x; NaN where there is none. */
    public record Line(String label, List<double[]> values) {}

    /** cells: of each row as many as the header has; a Number is shown as one, and anything else as its text. */
    public record Rows(List<String> header, List<List<Object>> cells) {}

    public ResultPage(String title, String subtitle) {
        this.title = title;
        this.subtitle = subtitle;
    }

    /** lines: of one plot, drawn as dots that are joined; none: no plot. yLabel is the plot's title too. */
    public void section(
            String heading, List<String> sentences, String xLabel, String yLabel, List<Line> lines, Rows rows) {
        String id = Plot.idOf((sections.size() + 1) + " " + heading);
        List<Curve> curves = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            List<Point> points = lines.get(i).values().stream()
                    .map(value -> new Point(value[0], value[1], ""))
                    .toList();
            curves.add(new Curve(lines.get(i).label(), i, Curve.Kind.EVALUATION, points));
        }
        Plot plot = new Plot(
                id,
                yLabel + " by " + xLabel,
                "",
                Plot.Axis.of(xLabel).logarithmicBeyond(WIDE),
                Plot.Axis.of(yLabel),
                List.copyOf(curves));
        Table table = new Table(
                id,
                heading,
                rows.header(),
                rows.cells().stream()
                        .map(row -> row.stream().map(ResultPage::cell).toList())
                        .toList());
        sections.add(new Section(heading, sentences, plot.isEmpty() ? List.of() : List.of(plot), table));
    }

    private static Table.Cell cell(Object value) {
        return value instanceof Number number ? Table.number(number.doubleValue()) : Table.text(value.toString());
    }

    /** Into a directory that does not exist, is empty, or holds an earlier page, which is replaced as a whole. Returns the page. */
    public Path write(Path output, Consumer<String> messages) {
        return PageFiles.write(
                output,
                messages,
                withPng -> new PageFiles.Content(
                        toHtml(withPng),
                        sections.stream()
                                .flatMap(section -> section.plots().stream())
                                .toList(),
                        sections.stream().map(Section::table).toList()));
    }

    private String toHtml(boolean withPng) {
        PageParts parts = new PageParts(withPng);
        Markup page = parts.markup();
        page.open("html", "lang", "en");
        parts.head(title);
        page.open("body");
        page.open("header")
                .element("h1", title)
                .element("p", subtitle, "class", "muted")
                .close();
        page.open("main");
        for (Section section : sections) {
            parts.section("section-" + section.table().id(), section.heading(), () -> {
                section.sentences().forEach(sentence -> page.element("p", sentence));
                page.open("div", "class", "plots");
                section.plots().forEach(parts::plot);
                page.close();
                parts.table(section.table());
            });
        }
        page.close();
        page.open("footer")
                .element("p", "Written by mmpo. The links under plots and tables lead to the files beside this page.");
        page.close().close().close();
        return "<!DOCTYPE html>\n" + page;
    }
}

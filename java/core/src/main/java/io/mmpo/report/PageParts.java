package io.mmpo.report;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.function.Predicate;

/** What every page is made of: its head, sections, plots with their data, tables, and the links to the files beside it. */
final class PageParts {
    private static final int MOST_ROWS = 60; // of a plot's table in the page
    private static final String POLICY = "default-src 'none'; style-src 'unsafe-inline'";

    private final boolean withPng;
    private final Markup page = new Markup();

    /** withPng: whether plots lie beside the page as PNG too. */
    PageParts(boolean withPng) {
        this.withPng = withPng;
    }

    Markup markup() {
        return page;
    }

    void head(String title) {
        page.open("head").empty("meta", "charset", "utf-8");
        page.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
        page.empty("meta", "name", "color-scheme", "content", "light dark");
        page.empty("meta", "http-equiv", "Content-Security-Policy", "content", POLICY);
        page.element("title", title + " – mmpo report");
        page.style(style()).close();
    }

    private static String style() {
        return ":root{" + Palette.LIGHT.toCss() + "}@media (prefers-color-scheme:dark){:root{" + Palette.DARK.toCss()
                + "}}" + SvgWriter.classes() + "\n" + stylesheet();
    }

    private static String stylesheet() {
        try (InputStream in = Objects.requireNonNull(ReportPage.class.getResourceAsStream("report.css"))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void section(String id, String heading, Runnable content) {
        page.open("section", "aria-labelledby", id).element("h2", heading, "id", id);
        content.run();
        page.close();
    }

    void plot(Plot plot) {
        page.open("figure", "id", plot.id(), "class", plot.hasPaths() ? "wide" : "");
        page.open("figcaption").element("h3", plot.title());
        if (!plot.unit().isEmpty()) {
            page.element("span", plot.unit(), "class", "muted");
        }
        page.close();
        SvgWriter.inPage(page, PlotLayout.inPage(plot), plot.id(), plot.title(), plot.description());
        page.open("div", "class", "below").open("details");
        page.element("summary", "Data");
        tableBody(plot.data().thinned(MOST_ROWS));
        page.close();
        files("plots/" + plot.id(), withPng ? List.of("svg", "png", "csv") : List.of("svg", "csv"), plot.title());
        page.close().close();
    }

    private void files(String path, List<String> endings, String of) {
        page.open("p", "class", "files");
        for (String ending : endings) {
            String name = ending.toUpperCase(Locale.ROOT);
            page.element("a", name, "href", path + "." + ending, "aria-label", of + " as " + name);
        }
        page.close();
    }

    void table(Table table) {
        page.open("div", "class", "table");
        tableBody(table);
        files("tables/" + table.id(), List.of("csv"), table.caption());
        page.close();
    }

    /** A table may be wider than a phone: it moves in a frame of its own, which keys reach too. */
    private void tableBody(Table table) {
        page.open("div", "class", "scroll", "role", "region", "tabindex", "0", "aria-label", table.caption());
        page.open("table").element("caption", table.caption());
        page.open("thead").open("tr");
        for (int i = 0; i < table.header().size(); i++) {
            boolean isNumber = i > 0 && table.rows().stream().allMatch(isNumberAt(i));
            page.element("th", table.header().get(i), "scope", "col", "class", isNumber ? "number" : "");
        }
        page.close().close().open("tbody");
        for (List<Table.Cell> row : table.rows()) {
            page.open("tr").element("th", row.getFirst().text(), "scope", "row");
            row.stream()
                    .skip(1)
                    .forEach(cell -> page.element("td", cell.text(), "class", cell.isNumber() ? "number" : ""));
            page.close();
        }
        page.close().close().close();
    }

    private static Predicate<List<Table.Cell>> isNumberAt(int column) {
        return row -> row.get(column).isNumber();
    }
}

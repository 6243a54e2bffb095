package io.mmpo.report;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** index.html: one file without scripts that loads nothing, and is XML too. */
final class ReportPage {
    private static final int MOST_ROWS = 60; // of a plot's table in the page
    private static final int MOST_LETTERS = 4000; // of an answer
    private static final String POLICY = "default-src 'none'; style-src 'unsafe-inline'";

    private final List<Run> runs;
    private final List<Plot> plots;
    private final Optional<Plot> figure;
    private final boolean withPng;
    private final Table finalValues;
    private final Table differing;
    private final Table shared;
    private final Optional<Table> evaluations;
    private final List<ComparedAnswers> answers;
    private final Markup page = new Markup();

    /** withPng: whether plots lie beside the page as PNG too. */
    ReportPage(List<Run> runs, List<Plot> plots, Optional<Plot> figure, boolean withPng) {
        this.runs = runs;
        this.plots = plots;
        this.figure = figure;
        this.withPng = withPng;
        finalValues = RunTables.finalValues(runs);
        differing = RunTables.differingSettings(runs);
        shared = RunTables.sharedSettings(runs);
        evaluations = RunTables.evaluations(runs);
        answers = ComparedAnswers.of(runs);
    }

    /** Those that are in the page, apart from the plots' own. */
    List<Table> tables() {
        List<Table> tables = new ArrayList<>(List.of(finalValues));
        evaluations.ifPresent(tables::add);
        tables.addAll(List.of(differing, shared).stream()
                .filter(table -> !table.rows().isEmpty())
                .toList());
        return List.copyOf(tables);
    }

    String toHtml() {
        page.open("html", "lang", "en");
        head();
        page.open("body");
        page.open("header").element("h1", title()).element("p", subtitle(), "class", "muted");
        navigation();
        page.close();
        page.open("main");
        runs();
        figure.ifPresent(this::figure);
        curves();
        section("values", "Values", () -> {
            table(finalValues);
            if (figure.isEmpty()) {
                evaluations.ifPresent(this::table);
            }
        });
        section("settings", "Settings", this::settings);
        if (!answers.isEmpty()) {
            section("answers", "Sample answers", this::answers);
        }
        page.close();
        page.open("footer")
                .element(
                        "p",
                        "Written by mmpo report. The links under plots and tables lead to the files beside this page.");
        page.close().close().close();
        return "<!DOCTYPE html>\n" + page;
    }

    private String title() {
        return runs.size() == 1 ? "Training run " + runs.getFirst().name() : runs.size() + " training runs";
    }

    /** "2 × MMPO, DPO" */
    private String subtitle() {
        Map<String, Integer> losses = new LinkedHashMap<>();
        runs.forEach(run -> losses.merge(run.lossHeading(), 1, Integer::sum));
        List<String> words = new ArrayList<>();
        losses.forEach((loss, count) -> words.add(count == 1 ? loss : count + " × " + loss));
        return String.join(", ", words);
    }

    private void head() {
        page.open("head").empty("meta", "charset", "utf-8");
        page.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
        page.empty("meta", "name", "color-scheme", "content", "light dark");
        page.empty("meta", "http-equiv", "Content-Security-Policy", "content", POLICY);
        page.element("title", title() + " – mmpo report");
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

    private void navigation() {
        page.open("nav", "aria-label", "Sections").open("ul");
        link("runs", "Runs");
        if (figure.isPresent()) {
            link("win-rate", "Win-rate");
        }
        link("training", "Training");
        link("values", "Values");
        link("settings", "Settings");
        if (!answers.isEmpty()) {
            link("answers", "Answers");
        }
        page.close().close();
    }

    private void link(String id, String words) {
        page.open("li").element("a", words, "href", "#" + id).close();
    }

    private void section(String id, String heading, Runnable content) {
        page.open("section", "aria-labelledby", id).element("h2", heading, "id", id);
        content.run();
        page.close();
    }

    private void runs() {
        section("runs", "Runs", () -> {
            page.open("ul", "class", "runs");
            for (int i = 0; i < runs.size(); i++) {
                Run run = runs.get(i);
                page.open("li");
                swatch(i);
                page.open("div").element("strong", run.name()).element("span", run.lossHeading() + ", " + run.status());
                page.element("span", run.directory().toString(), "class", "muted path");
                run.notes().forEach(note -> page.element("span", note, "class", "note"));
                page.close().close();
            }
            page.close();
        });
    }

    /** Of a run's colour; words beside it say the rest. */
    private void swatch(int run) {
        page.open(
                "svg", "class", "swatch", "viewBox", "0 0 22 10", "width", "22", "height", "10", "aria-hidden", "true");
        SvgWriter.sample(page, run);
        page.close();
    }

    private void figure(Plot plot) {
        section("win-rate", "Win-rate and accuracy", () -> {
            page.element(
                    "p",
                    "Each path leads from a run's first evaluated checkpoint, the open circle, to its last. Up and to the right is better.",
                    "class",
                    "muted");
            PaperFigure.warning(runs).ifPresent(warning -> page.element("p", warning, "class", "note"));
            plot(plot);
            evaluations.ifPresent(this::table);
        });
    }

    private void curves() {
        section("training", "Training", () -> {
            if (plots.isEmpty()) {
                page.element("p", "No run has logged anything yet.");
            } else {
                page.element(
                        "p",
                        "Lines with dots are evaluations; thin ones beside them, and all lines without dots, are training.",
                        "class",
                        "muted");
            }
            page.open("div", "class", "plots");
            plots.forEach(this::plot);
            page.close();
        });
    }

    private void plot(Plot plot) {
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
            String name = ending.toUpperCase(java.util.Locale.ROOT);
            page.element("a", name, "href", path + "." + ending, "aria-label", of + " as " + name);
        }
        page.close();
    }

    private void table(Table table) {
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

    private static java.util.function.Predicate<List<Table.Cell>> isNumberAt(int column) {
        return row -> row.get(column).isNumber();
    }

    private void settings() {
        if (runs.size() > 1) {
            if (differing.rows().isEmpty()) {
                page.element("p", "The runs have the same settings.");
            } else {
                table(differing);
            }
        }
        if (!shared.rows().isEmpty()) {
            page.open("details").element("summary", shared.caption());
            table(shared);
            page.close();
        }
    }

    private void answers() {
        for (ComparedAnswers compared : answers) {
            page.open("article").element("h3", cut(compared.prompt()), "class", "text", "dir", "auto");
            page.open("div", "class", "answers");
            for (int i = 0; i < runs.size(); i++) {
                page.open("div").open("p", "class", "who");
                swatch(i);
                page.text(runs.get(i).name()).close();
                compared.byRun()
                        .get(i)
                        .ifPresentOrElse(
                                text -> page.element("p", cut(text), "class", "text", "dir", "auto"),
                                () -> page.element("p", "no answer", "class", "muted"));
                page.close();
            }
            page.close().close();
        }
    }

    private static String cut(String text) {
        if (text.length() <= MOST_LETTERS) {
            return text;
        }
        int end = text.offsetByCodePoints(0, text.codePointCount(0, MOST_LETTERS));
        return text.substring(0, end) + "… (" + text.length() + " letters)";
    }
}

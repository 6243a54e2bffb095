package io.mmpo.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** index.html: one file without scripts that loads nothing, and is XML too. */
final class ReportPage {
    private static final int MOST_LETTERS = 4000; // of an answer

    private final List<Run> runs;
    private final List<Plot> plots;
    private final Optional<Plot> figure;
    private final Table finalValues;
    private final Table differing;
    private final Table shared;
    private final Optional<Table> evaluations;
    private final Optional<Table> besideThePaper;
    private final List<ComparedAnswers> answers;
    private final PageParts parts;
    private final Markup page;

    /** withPng: whether plots lie beside the page as PNG too. */
    ReportPage(List<Run> runs, List<Plot> plots, Optional<Plot> figure, boolean withPng) {
        this.runs = runs;
        this.plots = plots;
        this.figure = figure;
        this.parts = new PageParts(withPng);
        this.page = parts.markup();
        finalValues = RunTables.finalValues(runs);
        differing = RunTables.differingSettings(runs);
        shared = RunTables.sharedSettings(runs);
        evaluations = RunTables.evaluations(runs);
        besideThePaper = PaperNumbers.beside(runs);
        answers = ComparedAnswers.of(runs);
    }

    /** Those that are in the page, apart from the plots' own. */
    List<Table> tables() {
        List<Table> tables = new ArrayList<>(List.of(finalValues));
        evaluations.ifPresent(tables::add);
        besideThePaper.ifPresent(tables::add);
        tables.addAll(List.of(differing, shared).stream()
                .filter(table -> !table.rows().isEmpty())
                .toList());
        return List.copyOf(tables);
    }

    String toHtml() {
        page.open("html", "lang", "en");
        parts.head(title());
        page.open("body");
        page.open("header").element("h1", title()).element("p", subtitle(), "class", "muted");
        navigation();
        page.close();
        page.open("main");
        runs();
        figure.ifPresent(this::figure);
        curves();
        parts.section("values", "Values", () -> {
            parts.table(finalValues);
            if (figure.isEmpty()) {
                evaluations.ifPresent(parts::table);
            }
        });
        parts.section("settings", "Settings", this::settings);
        if (!answers.isEmpty()) {
            parts.section("answers", "Sample answers", this::answers);
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

    private void runs() {
        parts.section("runs", "Runs", () -> {
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
        parts.section("win-rate", "Win-rate and accuracy", () -> {
            page.element(
                    "p",
                    "Each path leads from a run's first evaluated checkpoint, the open circle, to its last. Up and to the right is better."
                            + (plot.hasErrors()
                                    ? " A cross is one standard error of a mean over seeds to each side."
                                    : ""),
                    "class",
                    "muted");
            PaperFigure.warning(runs).ifPresent(warning -> page.element("p", warning, "class", "note"));
            parts.plot(plot);
            besideThePaper.ifPresent(parts::table);
            evaluations.ifPresent(parts::table);
        });
    }

    private void curves() {
        parts.section("training", "Training", () -> {
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
            plots.forEach(parts::plot);
            page.close();
        });
    }

    private void settings() {
        if (runs.size() > 1) {
            if (differing.rows().isEmpty()) {
                page.element("p", "The runs have the same settings.");
            } else {
                parts.table(differing);
            }
        }
        if (!shared.rows().isEmpty()) {
            page.open("details").element("summary", shared.caption());
            parts.table(shared);
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

package io.mmpo.report;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What people look at of one run or of many: index.html, which needs no other file, and beside it every plot as SVG and PNG and every
 * table as CSV. The same runs make the same bytes.
 * <pre>{@code
 * Report.of(List.of(Path.of("runs/mmpo"), Path.of("runs/dpo"))).write(Path.of("report"), System.err::println);
 * }</pre>
 */
public final class Report {
    private final List<Run> runs;
    private final List<Plot> plots;
    private final Optional<Plot> figure;

    private Report(List<Run> runs) {
        this.runs = runs;
        this.plots = MetricPlots.of(runs);
        this.figure = PaperFigure.of(runs);
    }

    /** directories: output_dir of each run, at least one. */
    public static Report of(List<Path> directories) {
        return new Report(read(directories));
    }

    /** The same with the means of runs that differ in their seed alone in the place of these. */
    public static Report ofSeedMeans(List<Path> directories) {
        return new Report(SeedMeans.of(read(directories)));
    }

    private static List<Run> read(List<Path> directories) {
        List<String> names = RunNames.of(directories);
        List<Run> runs = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            runs.add(RunReader.read(directories.get(i), names.get(i)));
        }
        return List.copyOf(runs);
    }

    /** A mean counts as one. */
    public int numRuns() {
        return runs.size();
    }

    public int numPlots() {
        return plots.size() + (figure.isPresent() ? 1 : 0);
    }

    /** Into a directory that does not exist, is empty, or holds an earlier report, which is replaced as a whole. */
    public Path write(Path output, Consumer<String> messages) {
        runs.forEach(run -> run.notes().forEach(note -> messages.accept(run.directory() + ": " + note)));
        List<Plot> all = new ArrayList<>(plots);
        figure.ifPresent(all::add);
        return PageFiles.write(output, messages, withPng -> {
            ReportPage page = new ReportPage(runs, plots, figure, withPng);
            return new PageFiles.Content(page.toHtml(), all, page.tables());
        });
    }
}

package io.mmpo.report;

import io.mmpo.MmpoException;
import io.mmpo.files.AtomicDirectory;
import io.mmpo.files.IoProblem;
import io.mmpo.files.OwnerLock;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * What people look at of one run or of many: index.html, which needs no other file, and beside it every plot as SVG and PNG and every
 * table as CSV. The same runs make the same bytes.
 * <pre>{@code
 * Report.of(List.of(Path.of("runs/mmpo"), Path.of("runs/dpo"))).write(Path.of("report"), System.err::println);
 * }</pre>
 */
public final class Report {
    private static final String PAGE = "index.html";
    private static final String PLOTS = "plots";
    private static final String TABLES = "tables";

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
        List<String> names = RunNames.of(directories);
        List<Run> runs = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            runs.add(RunReader.read(directories.get(i), names.get(i)));
        }
        return new Report(List.copyOf(runs));
    }

    public int numPlots() {
        return plots.size() + (figure.isPresent() ? 1 : 0);
    }

    /** Into a directory that does not exist, is empty, or holds an earlier report, which is replaced as a whole. */
    public Path write(Path output, Consumer<String> messages) {
        runs.forEach(run -> run.notes().forEach(note -> messages.accept(run.directory() + ": " + note)));
        Optional<String> fontProblem = PngWriter.problem();
        fontProblem.ifPresent(problem ->
                messages.accept("warning: there are no PNG files, because this machine has no font to write with ("
                        + problem + "); install one, such as Debian's fontconfig and fonts-dejavu-core"));
        try (OwnerLock lock = OwnerLock.beside(output, "--output " + output, messages)) {
            requireReplaceable(output);
            try (AtomicDirectory directory = AtomicDirectory.create(output)) {
                writeFiles(directory.path(), fontProblem.isEmpty());
                directory.commit();
            } catch (IOException e) {
                throw MmpoException.of(
                        MmpoException.Kind.ENVIRONMENT,
                        e,
                        "%s cannot be written: %s. Make room, or choose another --output.",
                        output,
                        IoProblem.of(e));
            }
        }
        return output.resolve(PAGE);
    }

    /** Nothing but a report is ever removed. */
    private static void requireReplaceable(Path output) {
        if (!Files.exists(output)) {
            return;
        }
        boolean isEmpty = false;
        if (Files.isDirectory(output)) {
            try (Stream<Path> entries = Files.list(output)) {
                isEmpty = entries.findAny().isEmpty();
            } catch (IOException e) {
                throw IoProblem.unreadable(output, e);
            }
        }
        if (!isEmpty) {
            AtomicDirectory.problem(output, PAGE).ifPresent(problem -> {
                throw MmpoException.configuration(
                        "--output %s exists and is no report that could be replaced: %s. Give a directory that does not exist yet.",
                        output, problem);
            });
        }
    }

    private void writeFiles(Path directory, boolean withPng) throws IOException {
        Path plotFiles = Files.createDirectory(directory.resolve(PLOTS));
        Path tableFiles = Files.createDirectory(directory.resolve(TABLES));
        List<Plot> all = new ArrayList<>(plots);
        figure.ifPresent(all::add);
        for (Plot plot : all) {
            Drawing drawing = PlotLayout.alone(plot);
            write(plotFiles.resolve(plot.id() + ".svg"), SvgWriter.file(drawing, plot.title(), plot.description()));
            if (withPng) {
                Files.write(plotFiles.resolve(plot.id() + ".png"), PngWriter.bytes(drawing));
            }
            write(plotFiles.resolve(plot.id() + ".csv"), plot.data().toCsv());
        }
        ReportPage page = new ReportPage(runs, plots, figure, withPng);
        for (Table table : page.tables()) {
            write(tableFiles.resolve(table.id() + ".csv"), table.toCsv());
        }
        write(directory.resolve(PAGE), page.toHtml());
    }

    private static void write(Path file, String text) throws IOException {
        Files.writeString(file, text, StandardCharsets.UTF_8);
    }
}

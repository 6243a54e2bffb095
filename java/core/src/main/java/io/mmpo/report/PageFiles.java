package io.mmpo.report;

import io.mmpo.MmpoException;
import io.mmpo.files.AtomicDirectory;
import io.mmpo.files.IoProblem;
import io.mmpo.files.OwnerLock;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;

/** A page on disk, which needs no other file, with its plots as SVG, PNG and CSV and its tables as CSV beside it. */
final class PageFiles {
    private static final String PAGE = "index.html";
    private static final String PLOTS = "plots";
    private static final String TABLES = "tables";

    private PageFiles() {}

    record Content(String html, List<Plot> plots, List<Table> tables) {}

    /** Into a directory that does not exist, is empty, or holds an earlier report, which is replaced as a whole. */
    static Path write(Path output, Consumer<String> messages, Function<Boolean, Content> contentWithPng) {
        Optional<String> fontProblem = PngWriter.problem();
        fontProblem.ifPresent(problem ->
                messages.accept("warning: there are no PNG files, because this machine has no font to write with ("
                        + problem + "); install one, such as Debian's fontconfig and fonts-dejavu-core"));
        try (OwnerLock lock = OwnerLock.beside(output, "--output " + output, messages)) {
            requireReplaceable(output);
            try (AtomicDirectory directory = AtomicDirectory.create(output)) {
                writeFiles(directory.path(), contentWithPng.apply(fontProblem.isEmpty()), fontProblem.isEmpty());
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

    private static void writeFiles(Path directory, Content content, boolean withPng) throws IOException {
        Path plotFiles = Files.createDirectory(directory.resolve(PLOTS));
        Path tableFiles = Files.createDirectory(directory.resolve(TABLES));
        for (Plot plot : content.plots()) {
            Drawing drawing = PlotLayout.alone(plot);
            write(plotFiles.resolve(plot.id() + ".svg"), SvgWriter.file(drawing, plot.title(), plot.description()));
            if (withPng) {
                Files.write(plotFiles.resolve(plot.id() + ".png"), PngWriter.bytes(drawing));
            }
            write(plotFiles.resolve(plot.id() + ".csv"), plot.data().toCsv());
        }
        for (Table table : content.tables()) {
            write(tableFiles.resolve(table.id() + ".csv"), table.toCsv());
        }
        write(directory.resolve(PAGE), content.html());
    }

    private static void write(Path file, String text) throws IOException {
        Files.writeString(file, text, StandardCharsets.UTF_8);
    }
}

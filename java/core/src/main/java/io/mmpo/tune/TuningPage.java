package io.mmpo.tune;

import io.mmpo.config.TuningConfig;
import io.mmpo.report.ResultPage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** What a search found as a page: a plot and a table a stage. */
public final class TuningPage {
    private static final String DIRECTORY = "tuning";
    private static final List<String> HEADER =
            List.of("value", "reward accuracy, %", "step", "epoch", "share of the run, %", "remark");

    private TuningPage() {}

    /** In output_dir, in place of an earlier one. Returns the page. */
    public static Path write(TuningConfig config, List<StageResult> results, Consumer<String> messages) {
        ResultPage page = new ResultPage(
                "Search of " + config.stages().size() + " stages",
                "By reward accuracy on the evaluation rows: the greatest of a trial's evaluations");
        for (StageResult result : results) {
            List<double[]> points = new ArrayList<>();
            List<List<Object>> rows = new ArrayList<>();
            for (StageResult.Row row : result.rows()) {
                double percent = 100 * row.accuracy();
                points.add(new double[] {Double.parseDouble(row.value()), percent});
                rows.add(
                        List.of(row.value(), percent, row.step(), row.epoch(), 100 * row.share(), remark(result, row)));
            }
            List<String> sentences = new ArrayList<>(result.sentences());
            if (!result.others().isEmpty()) {
                sentences.add("The others: "
                        + result.others().entrySet().stream()
                                .map(other -> other.getKey() + " " + other.getValue())
                                .collect(Collectors.joining(", "))
                        + ".");
            }
            page.section(
                    result.key(),
                    sentences,
                    result.key(),
                    "reward accuracy, %",
                    List.of(new ResultPage.Line(result.key(), points)),
                    new ResultPage.Rows(HEADER, rows));
        }
        return page.write(config.outputDir().resolve(DIRECTORY), messages);
    }

    private static String remark(StageResult result, StageResult.Row row) {
        boolean isBest = result.best().filter(row::equals).isPresent();
        return row.failure().orElse(isBest ? "best" : "");
    }
}

package io.mmpo.cli;

import io.mmpo.config.ConfigLoader;
import io.mmpo.config.TrainingConfig;
import io.mmpo.data.DataInspection;
import io.mmpo.data.LengthHistogram;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.infer.LazyTokenizer;
import io.mmpo.infer.ModelSources;
import io.mmpo.train.TrainingRows;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "inspect-data",
        description =
                "Shows what the model will see: text, ids, loss mask, how many rows were dropped or truncated, and how long they are.",
        mixinStandardHelpOptions = true)
final class InspectDataCommand implements Callable<Integer> {
    private static final int READING_MILLIS = 500;

    @Parameters(index = "0", paramLabel = "CONFIG.yaml", description = "The configuration of the run.")
    private Path configFile;

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "key=value", description = "Keys that win over the file.")
    private List<String> overrides = List.of();

    @Option(names = "--rows", defaultValue = "3", description = "Rows to show (${DEFAULT-VALUE}).")
    private int numRows;

    @Option(
            names = "--json",
            description = "One JSON object a row, which can be trained on as it is, and one of the counts.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        Arguments.requireAtLeast(spec, "--rows", numRows, 0);
        PrintWriter out = spec.commandLine().getOut();
        ConfigLoader.Loaded loaded = ConfigLoader.load(configFile, overrides);
        loaded.notices().forEach(notice -> spec.commandLine().getErr().println("note: " + notice));
        TrainingConfig config = loaded.config();
        PrintWriter err = spec.commandLine().getErr();
        Path model = ModelSources.of(config.model().model(), config.model().revision(), err::println)
                .tokenizerDirectory();
        try (LazyTokenizer lazy = new LazyTokenizer(model, config.model().chatTemplate())) {
            TrainingRows rows = new TrainingRows(config, model, lazy, err::println);
            try (TokenizedDataset training = rows.openTraining()) {
                await("training rows", training, err);
                int size = training.size();
                DataInspection inspection = new DataInspection(tokenizerOf(model, lazy), !json && showsColours());
                for (int i = 0; i < Math.min(numRows, size); i++) {
                    out.println(json ? inspection.json(training.get(i)) : inspection.describe(training.get(i)));
                }
                summarize("training", training, inspection, out);
                rows.openEvaluation().ifPresent(evaluation -> {
                    try (evaluation) {
                        await("evaluation rows", evaluation, err);
                        summarize("evaluation", evaluation, inspection, out);
                    }
                });
            }
        }
        return ExitCode.DONE;
    }

    private static void await(String name, TokenizedDataset data, PrintWriter err) {
        ReadingLines lines = new ReadingLines(err);
        while (!data.awaitEnd(READING_MILLIS)) {
            lines.reading(name, data.reading());
        }
    }

    /** Rows that come tokenized may belong to a model without a tokenizer; then only ids are shown. */
    private static Optional<Tokenizer> tokenizerOf(Path model, LazyTokenizer lazy) {
        boolean hasTokenizer = Files.exists(model.resolve("tokenizer.json"));
        return hasTokenizer ? Optional.of(lazy.get()) : Optional.empty();
    }

    private void summarize(String purpose, TokenizedDataset data, DataInspection inspection, PrintWriter out) {
        LengthHistogram lengths = LengthHistogram.of(data);
        out.println(
                json
                        ? inspection.json(data.summary(), lengths)
                        : purpose + " rows: " + data.summary() + "\n" + lengths);
    }

    /** NO_COLOR: see no-color.org. */
    private static boolean showsColours() {
        String noColour = System.getenv("NO_COLOR");
        return (noColour == null || noColour.isEmpty())
                && !"dumb".equals(System.getenv("TERM"))
                && System.console() != null
                && System.console().isTerminal();
    }
}

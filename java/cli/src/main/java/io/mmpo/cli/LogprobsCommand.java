package io.mmpo.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.data.RowKind;
import io.mmpo.data.TokenizedDataset;
import io.mmpo.data.tokens.TokenizationOptions;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.data.tokens.TruncationMode;
import io.mmpo.files.AtomicFile;
import io.mmpo.infer.LongRows;
import io.mmpo.infer.OpenModel;
import io.mmpo.infer.Scorer;
import io.mmpo.model.RowLimit;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "logprobs",
        description = "Writes the log-probabilities that a model gives the responses of preference pairs.",
        mixinStandardHelpOptions = true)
final class LogprobsCommand implements Callable<Integer> {
    private static final ObjectMapper JSON = new ObjectMapper();

    @Mixin
    private ModelArguments model;

    @Option(
            names = "--data",
            required = true,
            paramLabel = "FILE",
            description = "Preference pairs, one JSON object a line.")
    private Path data;

    @Option(names = "--output", required = true, paramLabel = "FILE.jsonl", description = "One object a row.")
    private Path output;

    @Option(names = "--per-token", description = "Also write the log-probability of every token.")
    private boolean perToken;

    @Option(names = "--batch-size", defaultValue = "8", description = "Pairs scored at a time (${DEFAULT-VALUE}).")
    private int batchSize;

    @Option(names = "--max-length", description = "Tokens of prompt and response together; longer ones lose their end.")
    private @Nullable Integer maxLength;

    @Spec
    private CommandSpec spec;

    private int scored;
    private int nonFiniteRows;
    private int firstNonFiniteRow = -1;

    @Override
    public Integer call() {
        Arguments.requireAtLeast(spec, "--batch-size", batchSize, 1);
        OptionalInt limit = maxLength == null ? OptionalInt.empty() : OptionalInt.of(maxLength);
        TokenizationOptions options =
                new TokenizationOptions(limit, OptionalInt.empty(), OptionalInt.empty(), TruncationMode.KEEP_START);
        try (AtomicFile file = AtomicFile.create(output);
                OpenModel open = model.open();
                TokenizedDataset rows = RowKind.PREFERENCE.open(data, open.tokenizer(), options)) {
            open.config().rowLimit().ifPresent(longest -> requireFits(rows, longest));
            LongRows longRows = new LongRows(open.positions());
            ReadingLines lines = new ReadingLines(spec.commandLine().getErr());
            Scorer scorer = open.scorer();
            Scorer.inBatches(
                    rows,
                    batchSize,
                    groups -> { // rows are scored as they are tokenized
                        groups.forEach(longRows);
                        score(scorer, groups, file);
                        scored += groups.size();
                        lines.scoring(scored, data.toString(), rows.reading());
                    });
            requireSomeFinite(rows.size());
            file.commit();
            longRows.message("scored").ifPresent(spec.commandLine().getErr()::println);
            spec.commandLine().getErr().println(rows.size() + " rows written to " + output + "; " + rows.summary());
        }
        return ExitCode.DONE;
    }

    /** Before the first row is scored: a limit that the last row breaks would make the others' work void. */
    private static void requireFits(TokenizedDataset rows, RowLimit limit) {
        for (int i = 0; rows.has(i); i++) {
            TokenizedGroup group = rows.get(i);
            for (int[] completion : group.completions()) {
                limit.require(
                        (long) group.prompt().length + completion.length,
                        "Row " + (group.row() + 1),
                        "Give --max-length " + limit.tokens());
            }
        }
    }

    private void score(Scorer scorer, List<TokenizedGroup> groups, AtomicFile file) {
        float[][] tokens = perToken ? scorer.tokenLogps(groups, data.toString()) : new float[0][];
        double[] sums = perToken ? sums(tokens) : scorer.logps(groups, data.toString());
        for (int i = 0; i < groups.size(); i++) {
            TokenizedGroup group = groups.get(i);
            ObjectNode line = JSON.createObjectNode();
            line.put("row", group.row());
            line.put("prompt_tokens", group.prompt().length);
            line.put("chosen_tokens", group.completions()[0].length);
            line.put("rejected_tokens", group.completions()[1].length);
            put(line, "chosen_logps", sums[2 * i]);
            put(line, "rejected_logps", sums[2 * i + 1]);
            boolean finite = Double.isFinite(sums[2 * i]) && Double.isFinite(sums[2 * i + 1]);
            if (!finite) {
                nonFiniteRows++;
                firstNonFiniteRow = firstNonFiniteRow < 0 ? group.row() : firstNonFiniteRow;
            }
            if (perToken) {
                putAll(line.putArray("chosen_token_logps"), tokens[2 * i]);
                putAll(line.putArray("rejected_token_logps"), tokens[2 * i + 1]);
            }
            file.append(line + "\n");
        }
    }

    private static double[] sums(float[][] tokens) {
        double[] sums = new double[tokens.length];
        for (int i = 0; i < sums.length; i++) {
            for (float token : tokens[i]) {
                sums[i] += token;
            }
        }
        return sums;
    }

    /** JSON has no NaN and no infinity. */
    private static void put(ObjectNode line, String name, double value) {
        if (Double.isFinite(value)) {
            line.put(name, value);
        } else {
            line.putNull(name);
        }
    }

    private static void putAll(ArrayNode array, float[] values) {
        for (float value : values) {
            if (Float.isFinite(value)) {
                array.add(value);
            } else {
                array.addNull();
            }
        }
    }

    private void requireSomeFinite(int rows) {
        if (nonFiniteRows == 0) {
            return;
        }
        if (nonFiniteRows == rows) {
            throw MmpoException.training(
                    "The model gives none of the %d rows of %s a log-probability that is a finite number, so %s was not written. Its weights"
                            + " are damaged or too large; look at the model.",
                    rows, data, output);
        }
        spec.commandLine()
                .getErr()
                .printf(
                        Locale.ROOT,
                        "warning: %d of %d rows have a log-probability that is not a finite number, row %d first; it is written as null%n",
                        nonFiniteRows,
                        rows,
                        firstNonFiniteRow + 1);
    }
}

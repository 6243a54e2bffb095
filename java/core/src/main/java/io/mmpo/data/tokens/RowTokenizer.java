package io.mmpo.data.tokens;

import io.mmpo.MmpoException;
import io.mmpo.data.rows.DatasetSource;
import io.mmpo.data.rows.RowFile;
import io.mmpo.data.rows.RowPlace;
import io.mmpo.data.rows.RowShape;
import io.mmpo.data.rows.Sample;
import java.util.List;
import java.util.function.Supplier;

/** One row on its way from the file: read in its shape, tokenized, truncated. Several threads may use it at once. */
public final class RowTokenizer {
    private final DatasetSource source;
    private final RowShape shape;
    private final Supplier<Tokenizer> tokenizer;
    private final Truncation truncation;
    private final boolean wholeRows;
    private final boolean assistantsOnly;

    public RowTokenizer(
            DatasetSource source, RowShape shape, Supplier<Tokenizer> tokenizer, TokenizationOptions options) {
        this.source = source;
        this.shape = shape;
        this.tokenizer = tokenizer;
        this.truncation = new Truncation(options);
        this.wholeRows = options.wholeRows();
        this.assistantsOnly = options.assistantsOnly();
    }

    /** What became of a row. */
    public sealed interface Outcome {
        /** It was tokenized, and is kept or left out. */
        record Done(Truncation.Result result, SampleTokenizer.Parting parting, boolean toolsUnused) implements Outcome {
            public boolean isKept() {
                return result.verdict() == Truncation.Verdict.KEPT;
            }

            public int[] prompt() {
                return result.prompt();
            }

            public int[][] completions() {
                return result.completions();
            }
        }

        record Failed(RuntimeException error) implements Outcome {}
    }

    public Outcome tokenize(RowFile.Row row) {
        try {
            Sample read = shape.read(source.rename(row.content().get(), row.place()), row.place());
            Sample sample = wholeRows ? read.whole() : read;
            if (SampleTokenizer.hasEmptyCompletion(sample)) {
                return new Outcome.Done(
                        Truncation.Result.dropped(Truncation.Verdict.EMPTY_COMPLETION),
                        SampleTokenizer.Parting.NONE,
                        false);
            }
            SampleTokenizer.Encoded encoded = encode(sample, row.place());
            return new Outcome.Done(truncation.apply(encoded), encoded.parting(), leavesOutTools(sample));
        } catch (Throwable e) { // whatever it is, it must reach whoever waits for the row
            return failed(e);
        }
    }

    /** TRL hands tools to the template too, and many a template has no use for them. */
    private boolean leavesOutTools(Sample sample) {
        return sample instanceof Sample.Conversation conversation
                && conversation.variables().get("tools") instanceof List<?> tools
                && !tools.isEmpty()
                && tokenizer
                        .get()
                        .chatTemplateFor(conversation.variables())
                        .map(template -> template.ignores("tools", conversation.variables()))
                        .orElse(true);
    }

    private SampleTokenizer.Encoded encode(Sample sample, RowPlace place) {
        if (sample instanceof Sample.Tokens tokens && !assistantsOnly) {
            return SampleTokenizer.asTheyAre(tokens);
        }
        Tokenizer opened = tokenizer.get(); // what is wrong with it is no row's fault
        try {
            return assistantsOnly
                    ? new AssistantTokens(opened).encode(sample)
                    : new SampleTokenizer(opened).encode(sample);
        } catch (MmpoException e) {
            throw place.locate(e);
        }
    }

    /** An error as whoever asks for the row is told of it. */
    public Outcome failed(Throwable error) {
        return new Outcome.Failed(explained(error));
    }

    private RuntimeException explained(Throwable error) {
        return switch (error) {
            case RuntimeException e -> e;
            case OutOfMemoryError e ->
                MmpoException.of(
                        MmpoException.Kind.ENVIRONMENT,
                        e,
                        "Tokenizing %s needs more memory than the JVM may use; raise it with -Xmx.",
                        source.name());
            default -> new IllegalStateException("Tokenizing " + source.name() + " failed: " + error, error);
        };
    }
}

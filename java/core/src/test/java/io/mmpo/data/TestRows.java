package io.mmpo.data;

import io.mmpo.data.rows.DuckDb;
import io.mmpo.data.tokens.TokenizedGroup;
import io.mmpo.data.tokens.Tokenizer;
import java.nio.file.Path;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;

/** Rows that need no tokenizer, files to put them in, and what became of them. */
public final class TestRows {
    public static final Supplier<Tokenizer> NO_TOKENIZER = () -> {
        throw new AssertionError("no tokenizer is needed");
    };

    private TestRows() {}

    /** A tokenized pair whose prompt is the one token. */
    public static String pair(int prompt) {
        return "{\"prompt_ids\": [%d], \"chosen_ids\": [2], \"rejected_ids\": [3]}\n".formatted(prompt);
    }

    public static List<TokenizedGroup> all(TokenizedDataset dataset) {
        List<TokenizedGroup> groups = new ArrayList<>();
        for (int i = 0; i < dataset.size(); i++) {
            groups.add(dataset.get(i));
        }
        return groups;
    }

    public static List<Integer> prompts(TokenizedDataset dataset) {
        return all(dataset).stream().map(group -> group.prompt()[0]).toList();
    }

    /** As text, since arrays have no equals. */
    public static List<String> contents(TokenizedDataset dataset) {
        return all(dataset).stream()
                .map(group -> group.row() + Arrays.toString(group.prompt()) + Arrays.deepToString(group.completions()))
                .toList();
    }

    /** What a query selects, as a Parquet file. */
    public static Path writeParquet(Path file, String query) throws SQLException {
        try (DuckDb database = DuckDb.open();
                Statement statement = database.statement()) {
            statement.execute("COPY (" + query + ") TO " + DuckDb.literal(file.toString())
                    + " (FORMAT parquet, COMPRESSION zstd)");
        }
        return file;
    }
}

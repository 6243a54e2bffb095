package io.mmpo.data.rows;

import java.nio.file.Path;
import java.util.AbstractSet;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** A file that is small enough to lie in memory, with whatever columns it has: questions of a test, verdicts of a judge. */
public final class TableFile {
    /** Has every name in it, and none to list. */
    private static final Set<String> ALL_COLUMNS = new AbstractSet<>() {
        @Override
        public boolean contains(Object name) {
            return true;
        }

        @Override
        public Iterator<String> iterator() {
            return Collections.emptyIterator();
        }

        @Override
        public int size() {
            return 0;
        }
    };

    private TableFile() {}

    /** JSON lines, an array of objects, CSV (whose values are texts) or Parquet. */
    public static List<TableRow> read(Path file) {
        List<TableRow> table = new ArrayList<>();
        try (RowFile rows = RowFile.open(file, ALL_COLUMNS)) {
            for (Optional<RowFile.Row> row = rows.next(); row.isPresent(); row = rows.next()) {
                table.add(new TableRow(row.get().content().get(), row.get().place()));
            }
        }
        return table;
    }
}

package io.mmpo.train;

import io.mmpo.data.rows.DatasetSource;
import java.util.Optional;

/**
 * What of a run is in memory, whatever its configuration says of files.
 *
 * @param training rows in place of the configuration's
 * @param evaluation rows likewise
 * @param leavesFiles whether there is an output_dir; else what it has made is handed over ({@link TrainingResult#model})
 */
public record RunMemory(Optional<DatasetSource> training, Optional<DatasetSource> evaluation, boolean leavesFiles) {
    /** Nothing: rows come from files, and files are left. */
    public static final RunMemory NONE = new RunMemory(Optional.empty(), Optional.empty(), true);
}

package io.mmpo.eval.lm;

import io.mmpo.MmpoException;
import io.mmpo.data.rows.TableFile;
import io.mmpo.data.rows.TableRow;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** A task's rows in the data directory, and the examples that stand before its questions. */
final class TaskRows {
    private static final List<String> ENDS =
            List.of(".jsonl", ".json", ".csv", ".parquet", ".jsonl.gz", ".json.gz", ".csv.gz");

    private final Path directory;
    private final TaskSpec task;
    private final List<TableRow> rows;

    private TaskRows(Path directory, TaskSpec task, List<TableRow> rows) {
        this.directory = directory;
        this.task = task;
        this.rows = rows;
    }

    static TaskRows read(Path directory, TaskSpec task) {
        Path file = file(directory, task, "")
                .orElseThrow(() -> MmpoException.data(
                        "The task %s needs its rows in %s, in a file %s%s or with another end (.json, .csv, .parquet), and there is none.",
                        task.name(),
                        directory,
                        task.name(),
                        task.dataName().map(name -> ".jsonl, " + name).orElse("") + ".jsonl"));
        List<TableRow> rows = TableFile.read(file);
        if (rows.isEmpty()) {
            throw MmpoException.data("%s has no rows; the questions of the task %s are wanted.", file, task.name());
        }
        return new TaskRows(directory, task, rows);
    }

    /** The task's own name wins over its data set's. */
    private static Optional<Path> file(Path directory, TaskSpec task, String kind) {
        return Stream.concat(Stream.of(task.name()), task.dataName().stream())
                .flatMap(name -> ENDS.stream().map(end -> directory.resolve(name + kind + end)))
                .filter(Files::isRegularFile)
                .findFirst();
    }

    List<TableRow> all() {
        return rows;
    }

    /** The task's own, those of a file TASK_fewshot.jsonl, or the rows themselves. */
    Examples examples(int count) {
        if (!task.examples().isEmpty()) {
            return new Examples(task.examples(), false, count, task.takesFirstExamples());
        }
        Optional<Path> file = file(directory, task, "_fewshot");
        List<Map<String, Object>> pool = file.map(TableFile::read).orElse(rows).stream()
                .map(TableRow::plain)
                .toList();
        return new Examples(pool, file.isEmpty(), count, task.takesFirstExamples());
    }
}

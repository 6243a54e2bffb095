package io.mmpo.eval.alpaca;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.data.rows.TableFile;
import io.mmpo.data.rows.TableRow;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A judge's verdicts on one model. */
public record Annotations(String model, String judge, List<Annotation> rows) {
    /**
     * From alpaca_eval's annotations.json, which has the answers themselves and the instructions in the set's order, or from rows of
     * index, len_1, len_2 and preference.
     */
    public static Annotations read(Path file) {
        List<TableRow> table = TableFile.read(file);
        List<Annotation> rows = new ArrayList<>();
        Set<Integer> indices = new HashSet<>();
        String model = "";
        String judge = "";
        for (TableRow row : table) {
            Annotation annotation = annotation(row);
            if (!indices.add(annotation.index())) {
                throw row.error("every instruction is wanted once, and index %d is there twice", annotation.index());
            }
            String generator = row.values().path("generator_2").asText("");
            if (!rows.isEmpty() && !generator.equals(model)) {
                throw row.error(
                        "the answers of one model are wanted, and generator_2 is '%s' after '%s'", generator, model);
            }
            model = generator;
            judge = row.values().path("annotator").asText("");
            rows.add(annotation);
        }
        if (rows.isEmpty()) {
            throw MmpoException.data("%s has no rows; a judge's verdicts are wanted, one an instruction.", file);
        }
        return new Annotations(
                model.isEmpty() ? nameOf(file) : model, judge.isEmpty() ? nameOf(file) : judge, List.copyOf(rows));
    }

    private static Annotation annotation(TableRow row) {
        ObjectNode values = row.values();
        int index = values.has("index") ? Math.toIntExact(whole(row, "index")) : row.row();
        return new Annotation(
                index, length(row, "len_1", "output_1"), length(row, "len_2", "output_2"), preference(row));
    }

    private static long length(TableRow row, String lengthKey, String textKey) {
        if (row.values().has(lengthKey)) {
            return whole(row, lengthKey);
        }
        JsonNode text = row.values().path(textKey);
        if (!text.isTextual()) {
            throw row.error("an answer's text is wanted as %s, or its length as %s", textKey, lengthKey);
        }
        return text.textValue().codePointCount(0, text.textValue().length());
    }

    private static long whole(TableRow row, String key) {
        JsonNode value = row.values().path(key);
        double number = Numbers.of(value);
        if (!(number >= 0 && number <= Integer.MAX_VALUE && number == Math.rint(number))) {
            throw row.error("%s must be a whole number of at least 0, found %s", key, value);
        }
        return (long) number;
    }

    private static double preference(TableRow row) {
        JsonNode value = row.values().path("preference");
        double preference = Numbers.of(value);
        boolean hasNone =
                value.isNull() || (value.isTextual() && value.textValue().isEmpty());
        if (hasNone || (value.isNumber() && Double.isNaN(preference))) {
            return Double.NaN;
        }
        if (preference == 0) { // an old mark of a draw
            return Annotation.DRAW;
        }
        if (!(preference >= 1 && preference <= 2)) {
            throw row.error(
                    "preference must be a number from 1 (the baseline's answer) to 2 (the model's), or null, found %s",
                    value.isMissingNode() ? "nothing" : value);
        }
        return preference;
    }

    /** alpaca-7b of alpaca-7b.jsonl; the directory's name of runs/alpaca-7b/annotations.json. */
    private static String nameOf(Path file) {
        String name = file.getFileName().toString().replaceFirst("(\\.jsonl?|\\.csv|\\.parquet)(\\.gz)?$", "");
        Path parent = file.toAbsolutePath().getParent();
        return name.equals("annotations") && parent != null && parent.getFileName() != null
                ? parent.getFileName().toString()
                : name;
    }

    double[] judgedShares() {
        return rows.stream()
                .filter(Annotation::isJudged)
                .mapToDouble(Annotation::share)
                .toArray();
    }
}

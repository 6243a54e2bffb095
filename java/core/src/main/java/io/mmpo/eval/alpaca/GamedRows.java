package io.mmpo.eval.alpaca;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.data.rows.TableFile;
import io.mmpo.data.rows.TableRow;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Verdicts on the baseline itself when it was told to be brief or verbose (alpaca_eval's df_gamed.csv). The length-controlled
 * win-rate is made to see no difference of quality there. The file also says how hard every instruction is.
 *
 * @param difficulties by the instruction's index
 */
public record GamedRows(List<Row> rows, Map<Integer, Double> difficulties) {
    /**
     * @param lengthDifference baseline's minus the other's, in standard deviations of the model's row differences
     * @param share how far the other is preferred, in [0, 1]
     */
    record Row(double difficulty, double lengthDifference, double share) {}

    public static GamedRows read(Path file) {
        List<Row> rows = new ArrayList<>();
        Map<Integer, Double> difficulties = new HashMap<>();
        for (TableRow row : TableFile.read(file)) {
            double difficulty = number(row, "instruction_difficulty");
            double share = number(row, "preference");
            if (share < 0 || share > 1) {
                throw row.error("preference must be in [0, 1] in gamed rows, found %s", share);
            }
            rows.add(new Row(difficulty, number(row, "std_delta_len"), share));
            difficulties.putIfAbsent((int) number(row, "index"), difficulty);
        }
        if (rows.isEmpty()) {
            throw MmpoException.data("%s has no rows; alpaca_eval's df_gamed.csv is wanted.", file);
        }
        return new GamedRows(List.copyOf(rows), Map.copyOf(difficulties));
    }

    private static double number(TableRow row, String key) {
        JsonNode value = row.values().path(key);
        double number = Numbers.of(value);
        if (!Double.isFinite(number)) {
            throw row.error(
                    "a number is wanted as %s, the columns being those of alpaca_eval's df_gamed.csv, found %s",
                    key, value.isMissingNode() ? "nothing" : value);
        }
        return number;
    }

    double difficulty(Annotation annotation) {
        Double difficulty = difficulties.get(annotation.index());
        if (difficulty == null) {
            throw MmpoException.data(
                    "The gamed rows say for %d instructions how hard they are, and not for index %d, which was judged. Give the rows of the"
                            + " same set of instructions.",
                    difficulties.size(), annotation.index());
        }
        return difficulty;
    }
}

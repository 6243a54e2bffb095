package io.mmpo.eval.alpaca;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.IoProblem;
import io.mmpo.files.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** What AlpacaEval says of a model, by one judge. */
public record AlpacaScore(
        String model, String judge, long averageLength, HeadToHead headToHead, LengthControl lengthControl) {
    /** Of alpaca_eval's leaderboard.csv. */
    private static final String COLUMNS =
            ",win_rate,standard_error,n_wins,n_wins_base,n_draws,n_total,discrete_win_rate,mode,avg_length,length_controlled_winrate,"
                    + "lc_standard_error";

    /** glm: where it is left open, the leaderboard's where there are gamed rows, else the one that needs none. */
    public static AlpacaScore of(
            Annotations annotations, Optional<GamedRows> gamed, Optional<LengthControl.Model> glm) {
        LengthControl.Model model =
                glm.orElse(gamed.isPresent() ? LengthControl.Model.V1 : LengthControl.Model.MINIMAL);
        double meanLength = annotations.rows().stream()
                .mapToLong(Annotation::modelLength)
                .average()
                .orElseThrow();
        return new AlpacaScore(
                annotations.model(),
                annotations.judge(),
                (long) meanLength,
                HeadToHead.of(annotations),
                LengthControl.of(annotations, gamed, model));
    }

    /** score.json, and leaderboard.csv in the columns of alpaca_eval's own. */
    public void write(Path directory) {
        write(directory, toJson(), toCsv(model));
    }

    static void write(Path directory, ObjectNode score, String lines) {
        try {
            Files.createDirectories(directory);
            AtomicFile.write(directory.resolve("score.json"), JsonFile.MAPPER.writeValueAsString(score) + "\n");
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "The scores cannot be written into %s: %s. Choose another directory.",
                    directory,
                    IoProblem.ofDirectory(e));
        }
        AtomicFile.write(directory.resolve("leaderboard.csv"), COLUMNS + "\n" + lines + "\n");
    }

    ObjectNode toJson() {
        ObjectNode json = JsonFile.MAPPER.createObjectNode();
        json.put("model", model);
        json.put("judge", judge);
        json.put("win_rate", headToHead.winRate());
        json.put("standard_error", headToHead.standardError());
        json.put("length_controlled_winrate", lengthControl.winRate());
        json.put("lc_standard_error", lengthControl.standardError());
        json.put("discrete_win_rate", headToHead.discreteWinRate());
        json.put("n_wins", headToHead.wins());
        json.put("n_wins_base", headToHead.baselineWins());
        json.put("n_draws", headToHead.draws());
        json.put("n_total", headToHead.judged());
        json.put("avg_length", averageLength);
        ObjectNode glm = json.putObject("glm");
        glm.set("name", JsonFile.MAPPER.valueToTree(lengthControl.model()));
        glm.put("C", lengthControl.inversePenalty());
        glm.set("coefficients", JsonFile.MAPPER.valueToTree(lengthControl.coefficients()));
        return json;
    }

    /** name: what the first column holds. */
    String toCsv(String name) {
        return String.join(
                ",",
                quoted(name),
                Double.toString(headToHead.winRate()),
                Double.toString(headToHead.standardError()),
                Integer.toString(headToHead.wins()),
                Integer.toString(headToHead.baselineWins()),
                Integer.toString(headToHead.draws()),
                Integer.toString(headToHead.judged()),
                Double.toString(headToHead.discreteWinRate()),
                "community",
                Long.toString(averageLength),
                Double.toString(lengthControl.winRate()),
                Double.toString(lengthControl.standardError()));
    }

    static String quoted(String text) {
        return text.matches("[^\",\r\n]*") ? text : '"' + text.replace("\"", "\"\"") + '"';
    }
}

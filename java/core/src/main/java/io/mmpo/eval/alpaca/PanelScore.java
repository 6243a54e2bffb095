package io.mmpo.eval.alpaca;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.files.JsonFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** What several judges say of one model: the mean of their rates, as the MMPO paper reports it. Errors are each judge's own. */
public record PanelScore(List<AlpacaScore> judges) {
    public PanelScore {
        judges = List.copyOf(judges);
        Set<String> models = judges.stream().map(AlpacaScore::model).collect(Collectors.toSet());
        if (models.size() > 1) {
            throw MmpoException.data(
                    "Several judges' verdicts on one model are wanted, found verdicts on %s. Give the annotations of one model.",
                    String.join(" and ", models.stream().sorted().toList()));
        }
        Set<String> names = judges.stream().map(AlpacaScore::judge).collect(Collectors.toSet());
        if (names.size() < judges.size()) {
            throw MmpoException.data(
                    "The verdicts of different judges are wanted, and the same one, %s, is there twice. Give each judge's annotations once.",
                    String.join(", ", names.stream().sorted().toList()));
        }
    }

    public String model() {
        return judges.getFirst().model();
    }

    public double winRate() {
        return mean(judge -> judge.headToHead().winRate());
    }

    public double lengthControlledWinRate() {
        return mean(judge -> judge.lengthControl().winRate());
    }

    private double mean(ToDoubleFunction<AlpacaScore> rate) {
        return judges.stream().mapToDouble(rate).average().orElseThrow();
    }

    /** score.json with each judge's own, and leaderboard.csv with a line for the mean and for each judge. */
    public void write(Path directory) {
        ObjectNode json = JsonFile.MAPPER.createObjectNode();
        json.put("model", model());
        json.put("win_rate", winRate());
        json.put("length_controlled_winrate", lengthControlledWinRate());
        ArrayNode each = json.putArray("judges");
        judges.forEach(judge -> each.add(judge.toJson()));
        String lines = String.format(
                Locale.ROOT,
                "%s,%s,,,,,,,community,%d,%s,\n",
                AlpacaScore.quoted(model()),
                winRate(),
                judges.getFirst().averageLength(),
                lengthControlledWinRate());
        AlpacaScore.write(
                directory,
                json,
                lines
                        + judges.stream()
                                .map(judge -> judge.toCsv(model() + " (" + judge.judge() + ")"))
                                .collect(Collectors.joining("\n")));
    }
}

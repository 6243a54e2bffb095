package io.mmpo.quickstart;

import java.util.List;
import java.util.Locale;

/** The models side by side, as text. */
final class ResultsTable {
    private static final String ROW = "%-6s %-16s %9s %11s %16s %13s%n";

    private ResultsTable() {}

    static String format(List<StageResult> results) {
        StringBuilder table = new StringBuilder();
        table.append(line("model", "win-rate vs SFT", "points", "fact right", "reward accuracy", "training"));
        for (StageResult result : results) {
            WinRate winRate = result.winRate();
            table.append(line(
                    result.stage().name(),
                    number("%5.1f%% ± %.1f", 100 * winRate.rate(), 100 * winRate.standardError()),
                    number("%.2f of %d", result.heldOut().meanPoints(), AnswerRule.MOST_POINTS),
                    number("%.1f%%", 100 * result.heldOut().shareRight()),
                    number("%.1f%%", 100 * result.heldOut().rewardAccuracy()),
                    number("%.1f s", result.trainSeconds())));
        }
        return table.toString();
    }

    /** One sentence, of the numbers as they came out; two standard errors are asked for before anything is called a win. */
    static String verdict(StageResult result) {
        WinRate winRate = result.winRate();
        double distance = winRate.rate() - 0.5;
        String name = result.stage().name();
        if (Math.abs(distance) <= 2 * winRate.standardError()) {
            return name + " is not told apart from SFT by " + winRate.n() + " questions.";
        }
        return name
                + (distance > 0 ? " beats SFT" : " does not beat SFT, it loses to it")
                + number(" on these questions: %.1f%% where 50%% would be even.", 100 * winRate.rate());
    }

    private static String line(String... cells) {
        return String.format(Locale.ROOT, ROW, (Object[]) cells).stripTrailing() + "\n";
    }

    private static String number(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}

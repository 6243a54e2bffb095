package io.mmpo.quickstart;

import io.mmpo.PrintableText;
import java.nio.file.Path;
import java.util.List;

/** What a quickstart prints at its end. */
final class Report {
    private final Narrator narrator;
    private final Path output;

    /** output: as the user wrote it, for commands to copy. */
    Report(Narrator narrator, Path output) {
        this.narrator = narrator;
        this.output = output;
    }

    void print(List<Corpus.Pair> pairs, List<StageResult> results) {
        int n = pairs.size();
        narrator.step("Done. On the %d held-out questions:", n);
        narrator.say("%n%s", ResultsTable.format(results));
        narrator.say("""
        win-rate         how often the answer earns more points than SFT's to the same question, ties half; ± one standard error
        points           one each for polite, complete and on topic, by a rule (io.mmpo.quickstart.AnswerRule)
        reward accuracy  on %d held-out pairs, how often the chosen answer has the greater reward of its own objective (for SFT,
                         which has none: the greater log-probability)
        """, n);
        results.stream().skip(1).forEach(result -> narrator.say("%s", ResultsTable.verdict(result)));
        printSample(pairs, results);
        printFiles();
        printCommands(pairs.getFirst().example().question());
    }

    /** The first question whose answers earned different points, else the first one. */
    private void printSample(List<Corpus.Pair> pairs, List<StageResult> results) {
        int sample = 0;
        for (int i = pairs.size() - 1; i >= 0; i--) {
            int row = i;
            if (results.stream()
                            .mapToInt(result ->
                                    result.heldOut().verdicts().get(row).points())
                            .distinct()
                            .count()
                    > 1) {
                sample = i;
            }
        }
        narrator.say("%nOne of the questions: %s", pairs.get(sample).example().question());
        for (StageResult result : results) {
            narrator.say(
                    "  %-5s %s  [%d of %d points]",
                    result.stage(),
                    result.heldOut().answers().get(sample).text(),
                    result.heldOut().verdicts().get(sample).points(),
                    AnswerRule.MOST_POINTS);
        }
    }

    private void printFiles() {
        narrator.say("""

        In %s:
          data/, model/                  what was made at the start
          sft.yaml, mmpo.yaml, dpo.yaml  the configurations of the three runs
          sft/, mmpo/, dpo/              the runs: config.yaml, metrics.jsonl, and the model in final/
          answers.jsonl, results.json    every answer with its points, and the table's numbers""", output);
    }

    private void printCommands(String question) {
        narrator.say("%nTry next:");
        commands(output, question).forEach(command -> narrator.say("  ./mmpo %s", command));
    }

    /** Commands that can be run on what the quickstart left. */
    static List<String> commands(Path output, String question) {
        return List.of(
                "generate --model " + PrintableText.shellWord(output.resolve("mmpo/final")) + " --prompt \"" + question
                        + "\"",
                "inspect-data " + PrintableText.shellWord(output.resolve("mmpo.yaml")),
                "logprobs --model " + PrintableText.shellWord(output.resolve("dpo/final")) + " --data "
                        + PrintableText.shellWord(output.resolve("data/pairs/test.jsonl")) + " --output "
                        + PrintableText.shellWord(output.resolve("dpo-logprobs.jsonl")),
                "train " + PrintableText.shellWord(output.resolve("mmpo.yaml")) + " mmpo_aux_weight=2 output_dir="
                        + PrintableText.shellWord(output.resolve("mmpo-lambda-2")));
    }
}

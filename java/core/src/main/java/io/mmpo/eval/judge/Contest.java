package io.mmpo.eval.judge;

import io.mmpo.MmpoException;
import io.mmpo.data.rows.TableFile;
import io.mmpo.data.rows.TableRow;
import io.mmpo.eval.PythonRandom;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Two answers to one instruction.
 *
 * @param index of the instruction in the baseline's file
 * @param switched whether the judge sees the model's answer first
 */
public record Contest(
        int index, Optional<String> dataset, String instruction, Answer baseline, Answer model, boolean switched) {

    /** generator: the name of the model that gave it. */
    public record Answer(String output, String generator) {}

    /**
     * The contests of a model's answers, in the baseline's order. Who comes first is drawn as alpaca_eval draws it, from the instruction
     * and the seed.
     *
     * @param limit most contests
     */
    public static List<Contest> read(Path outputs, Path baseline, int limit, int seed) {
        Map<String, TableRow> answers = byInstruction(outputs);
        List<Contest> contests = new ArrayList<>();
        for (TableRow row : byInstruction(baseline).values()) {
            String instruction = text(row, "instruction");
            TableRow answer = answers.remove(instruction);
            if (answer != null && contests.size() < limit) {
                contests.add(new Contest(
                        row.row(),
                        Optional.of(row.values().path("dataset").asText("")).filter(name -> !name.isEmpty()),
                        instruction,
                        answer(row, baseline),
                        answer(answer, outputs),
                        PythonRandom.of("is_switched_outputs" + instruction + seed)
                                .choice()));
            }
        }
        if (!answers.isEmpty()) {
            throw answers.values()
                    .iterator()
                    .next()
                    .error(
                            "the baseline's answer to each instruction is wanted, and %s has none to this one. Give the baseline that answered"
                                    + " the same instructions",
                            baseline);
        }
        if (contests.isEmpty()) {
            throw MmpoException.data("%s has no rows; a model's answers are wanted, one an instruction.", outputs);
        }
        return List.copyOf(contests);
    }

    private static Map<String, TableRow> byInstruction(Path file) {
        Map<String, TableRow> rows = new LinkedHashMap<>();
        for (TableRow row : TableFile.read(file)) {
            if (rows.put(text(row, "instruction"), row) != null) {
                throw row.error("every instruction is wanted once, and this one is there twice");
            }
        }
        return rows;
    }

    private static Answer answer(TableRow row, Path file) {
        String generator = row.values().path("generator").asText("");
        return new Answer(
                text(row, "output"),
                generator.isEmpty() ? Objects.requireNonNull(file.getFileName()).toString() : generator);
    }

    private static String text(TableRow row, String key) {
        if (!row.values().path(key).isTextual()) {
            throw row.error(
                    "a text is wanted as %s, found %s", key, row.values().path(key));
        }
        return row.values().path(key).textValue();
    }

    Question question() {
        return switched
                ? Question.of(instruction, model.output(), baseline.output())
                : Question.of(instruction, baseline.output(), model.output());
    }

    /** 1: the baseline's answer; 2: the model's. */
    double preference(Reply reply) {
        return switched ? 3 - reply.preference() : reply.preference();
    }
}

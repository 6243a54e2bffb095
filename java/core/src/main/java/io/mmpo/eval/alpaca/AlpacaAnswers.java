package io.mmpo.eval.alpaca;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.data.rows.TableFile;
import io.mmpo.data.rows.TableRow;
import io.mmpo.data.store.Fingerprint;
import io.mmpo.data.tokens.ChatPrompt;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.eval.EvaluatedModel;
import io.mmpo.eval.EvaluationListener;
import io.mmpo.eval.Journal;
import io.mmpo.files.AtomicFile;
import io.mmpo.infer.Answerer;
import io.mmpo.nativelib.TokenListener.Next;
import io.mmpo.spec.Sampling;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/** A model's answers to AlpacaEval's instructions, in alpaca_eval's JSON. */
public final class AlpacaAnswers {
    private final EvaluatedModel model;
    private final String generator;
    private final Sampling sampling;
    private final Answerer answerer;

    /**
     * How answers are made.
     *
     * @param generator the model's name in the file
     * @param batchSize instructions answered at a time; no answer depends on it
     */
    public AlpacaAnswers(EvaluatedModel model, String generator, Sampling sampling, int batchSize) {
        this.model = model;
        this.generator = generator;
        this.sampling = sampling;
        this.answerer = new Answerer(model.open(), sampling, batchSize);
    }

    /**
     * Answers the first so many rows with an {@code instruction}; false where the listener asked to stop, and the same call goes on later.
     *
     * @param output the JSON file; what is done is kept beside it until it is there
     */
    public boolean write(Path instructions, int limit, Path output, EvaluationListener listener) {
        List<TableRow> rows = TableFile.read(instructions).stream().limit(limit).toList();
        if (rows.isEmpty()) {
            throw MmpoException.data("%s has no rows; AlpacaEval's instructions are wanted.", instructions);
        }
        List<int[]> prompts = rows.stream().map(this::prompt).toList();
        Path journalFile =
                output.resolveSibling(output.getFileName() + ".unfinished").resolve("answers.jsonl");
        try (Journal journal = Journal.open(journalFile, key(prompts))) {
            if (!answer(prompts, journal, listener)) {
                return false;
            }
            AtomicFile.write(output, toJson(rows, journal.known()).toPrettyString() + "\n");
        }
        Journal.remove(journalFile);
        return true;
    }

    private int[] prompt(TableRow row) {
        String text = instruction(row);
        Tokenizer tokenizer = model.tokenizer();
        int[] ids = tokenizer
                .chatTemplate()
                .map(template -> tokenizer.encode(ChatPrompt.ofText(text).render(template), false))
                .orElseGet(() -> tokenizer.encodePrompt(text));
        model.config()
                .rowLimit()
                .ifPresent(longest -> longest.require(
                        (long) ids.length + sampling.maxNewTokens(),
                        "Instruction " + (row.row() + 1) + " with --max-new-tokens " + sampling.maxNewTokens(),
                        "Give a smaller --max-new-tokens"));
        return ids;
    }

    private static String instruction(TableRow row) {
        String text = row.values().path("instruction").asText("");
        if (text.isEmpty()) {
            throw row.error(
                    "an instruction is wanted, a text that is not empty, found %s",
                    row.values().path("instruction"));
        }
        return text;
    }

    private String key(List<int[]> prompts) {
        Fingerprint key = new Fingerprint().add("model", model.fingerprint()).add("sampling", sampling.toString());
        key.add("stops", answerer.stops());
        prompts.forEach(prompt -> key.add("prompt", prompt));
        return key.hex();
    }

    /** An answer draws from the stream of its row, whatever of the others is known. */
    private boolean answer(List<int[]> prompts, Journal journal, EvaluationListener listener) {
        int[] rows = IntStream.range(0, prompts.size())
                .filter(row -> !journal.known().containsKey(row))
                .toArray();
        listener.started("answers", journal.known().size(), prompts.size());
        if (rows.length > 0) {
            List<int[]> pending = Arrays.stream(rows).mapToObj(prompts::get).toList();
            answerer.answer(pending, rows, new Answerer.Listener() {
                @Override
                public Next heard(int place, int[] soFar) {
                    return listener.stopRequested() ? Next.ENDS_ALL : Next.GOES_ON;
                }

                @Override
                public void answered(int place, Answerer.Answer answer) {
                    ObjectNode text = JsonNodeFactory.instance.objectNode().put("output", answer.text());
                    journal.add(Map.of(rows[place], text));
                    listener.advanced(journal.known().size());
                }
            });
        }
        if (journal.known().size() < prompts.size()) {
            return false;
        }
        listener.finished();
        return true;
    }

    private ArrayNode toJson(List<TableRow> rows, Map<Integer, ObjectNode> answers) {
        ArrayNode list = JsonNodeFactory.instance.arrayNode();
        for (int i = 0; i < rows.size(); i++) {
            ObjectNode entry = list.addObject();
            if (rows.get(i).values().has("dataset")) {
                entry.set("dataset", rows.get(i).values().get("dataset"));
            }
            entry.put("instruction", instruction(rows.get(i)));
            entry.set("output", Objects.requireNonNull(answers.get(i)).path("output"));
            entry.put("generator", generator);
        }
        return list;
    }
}

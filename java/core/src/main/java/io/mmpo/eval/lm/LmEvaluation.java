package io.mmpo.eval.lm;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.data.rows.TableRow;
import io.mmpo.data.store.Fingerprint;
import io.mmpo.data.tokens.ChatTemplate;
import io.mmpo.eval.EvaluatedModel;
import io.mmpo.eval.EvaluationListener;
import io.mmpo.eval.Journal;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.OwnerLock;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Asks a model the questions of tasks, with lm-evaluation-harness's prompts and metrics. Scores depend neither on the size of
 * a batch nor on what else is in it, so that an evaluation that was interrupted leaves the bytes of one that was not.
 */
public final class LmEvaluation {
    /** Tokens of a call: enough for the core to be busy, and few enough for progress to be told, and a signal heard, often. */
    private static final long MAX_BATCH_TOKENS = 8_192;

    private static final String JOURNALS = ".unfinished";

    private final EvaluatedModel model;
    private final LmSettings settings;
    private final EvaluationListener listener;

    private LmEvaluation(EvaluatedModel model, LmSettings settings, EvaluationListener listener) {
        this.model = model;
        this.settings = settings;
        this.listener = listener;
    }

    /** Of a run that is ready to begin: tasks and rows are read before a model is opened. */
    public static final class Prepared {
        private final LmSettings settings;
        private final List<TaskSpec> tasks;
        private final List<TaskRows> rows;

        private Prepared(LmSettings settings, List<TaskSpec> tasks, List<TaskRows> rows) {
            this.settings = settings;
            this.tasks = tasks;
            this.rows = rows;
        }

        /** The same tasks and rows with another directory of results. */
        public Prepared into(Path output) {
            return new Prepared(settings.into(output), tasks, rows);
        }

        /** Empty where the listener asked to stop; what is done is kept for the next time. */
        public Optional<LmResults> run(EvaluatedModel model, EvaluationListener listener) {
            try (OwnerLock lock =
                    OwnerLock.ofDirectory(settings.output(), "--output " + settings.output(), listener::message)) {
                return new LmEvaluation(model, settings, listener).run(this);
            }
        }
    }

    public static Prepared prepare(LmSettings settings) {
        List<TaskSpec> tasks = Tasks.named(settings.tasks());
        return new Prepared(
                settings,
                tasks,
                tasks.stream().map(task -> TaskRows.read(settings.data(), task)).toList());
    }

    private Optional<LmResults> run(Prepared prepared) {
        List<TaskResult> results = new ArrayList<>();
        for (int i = 0; i < prepared.tasks.size(); i++) {
            Optional<TaskResult> result = run(prepared.tasks.get(i), prepared.rows.get(i));
            if (result.isEmpty()) {
                return Optional.empty();
            }
            results.add(result.get());
        }
        LmResults all = new LmResults(model.name(), results, settings);
        all.write(settings.output().resolve("results.json"));
        prepared.tasks.forEach(task -> Journal.remove(journalOf(task)));
        return Optional.of(all);
    }

    private Optional<TaskResult> run(TaskSpec task, TaskRows rows) {
        int numFewshot = settings.numFewshot().orElse(task.numFewshot());
        List<TableRow> asked = rows.all().stream()
                .limit(settings.limit().orElse(Integer.MAX_VALUE))
                .toList();
        List<Question> questions = new Questions(task, rows.examples(numFewshot), chatTemplate()).of(asked);
        Encoder encoder = new Encoder(model.tokenizer(), model.positions());
        List<Encoded> encoded = encoder.encode(task, questions);
        encoder.notes().forEach(note -> listener.message(task.name() + ": " + note));
        requireFits(task, encoded);
        try (Journal journal = Journal.open(journalOf(task), key(task, encoded))) {
            if (!respond(task, encoded, journal)) {
                return Optional.empty();
            }
            Map<AnswerFilter, List<Map<String, Double>>> verdicts = write(task, questions, journal.known());
            return Optional.of(TaskResult.of(task, rows.all().size(), numFewshot, verdicts));
        }
    }

    /** Contexts are cut to the model's positions, but no continuation is. */
    private void requireFits(TaskSpec task, List<Encoded> encoded) {
        model.config().rowLimit().ifPresent(longest -> {
            for (Encoded question : encoded) {
                question.groups()
                        .forEach(group -> group.continuations()
                                .forEach(continuation -> longest.require(
                                        group.context().length + continuation.length - 1L,
                                        "Row " + (question.question() + 1) + " of the task " + task.name(),
                                        "Leave it out")));
            }
        });
    }

    private Optional<ChatTemplate> chatTemplate() {
        if (!settings.applyChatTemplate()) {
            return Optional.empty();
        }
        return Optional.of(model.tokenizer()
                .chatTemplate()
                .orElseThrow(() -> MmpoException.configuration(
                        "--apply-chat-template needs a chat template, and the model %s has none. Give one with --chat-template.",
                        model.name())));
    }

    /** False where it was asked to stop. The longest come first, so that the time left is rather too long than too short. */
    private boolean respond(TaskSpec task, List<Encoded> encoded, Journal journal) {
        List<Encoded> pending = encoded.stream()
                .filter(question -> !journal.known().containsKey(question.question()))
                .sorted(Comparator.comparingLong(Encoded::tokens).reversed())
                .toList();
        Respondent respondent = new Respondent(model, task);
        listener.started(task.name(), journal.known().size(), encoded.size());
        boolean complete = pending.isEmpty()
                || (task.outputType() == OutputType.GENERATE_UNTIL
                        ? answer(respondent, pending, journal)
                        : score(respondent, pending, journal));
        if (complete) {
            listener.finished();
        }
        return complete;
    }

    private boolean score(Respondent respondent, List<Encoded> pending, Journal journal) {
        for (int first = 0; first < pending.size(); ) {
            if (listener.stopRequested()) {
                return false;
            }
            int end = endOfBatch(pending, first);
            Map<Integer, ObjectNode> answers = new TreeMap<>();
            respondent
                    .score(pending.subList(first, end))
                    .forEach((number, response) -> answers.put(number, response.toJson()));
            journal.add(answers);
            listener.advanced(journal.known().size());
            first = end;
        }
        return true;
    }

    private boolean answer(Respondent respondent, List<Encoded> pending, Journal journal) {
        int before = journal.known().size();
        respondent.answer(pending, settings.batchSize(), listener::stopRequested, (number, response) -> {
            journal.add(Map.of(number, response.toJson()));
            listener.advanced(journal.known().size());
        });
        return journal.known().size() == before + pending.size();
    }

    private int endOfBatch(List<Encoded> pending, int first) {
        int end = first + 1;
        long tokens = pending.get(first).tokens();
        while (end < pending.size()
                && end - first < settings.batchSize()
                && tokens + pending.get(end).tokens() <= MAX_BATCH_TOKENS) {
            tokens += pending.get(end).tokens();
            end++;
        }
        return end;
    }

    private Map<AnswerFilter, List<Map<String, Double>>> write(
            TaskSpec task, List<Question> questions, Map<Integer, ObjectNode> responses) {
        Map<AnswerFilter, List<Map<String, Double>>> verdicts = new LinkedHashMap<>();
        task.filters().forEach(filter -> verdicts.put(filter, new ArrayList<>()));
        try (AtomicFile file = AtomicFile.create(settings.output().resolve("samples_" + task.name() + ".jsonl"))) {
            verdicts.forEach((filter, ofFilter) -> {
                for (int i = 0; i < questions.size(); i++) {
                    Response response = Response.of(Objects.requireNonNull(responses.get(i)));
                    Map<String, Double> metrics = Verdict.of(task, questions.get(i), response, filter);
                    ofFilter.add(metrics);
                    SamplesFile.append(file, task, questions.get(i), response, filter, metrics);
                }
            });
            file.commit();
        }
        return verdicts;
    }

    /** Tokens hold everything that rows, examples and templates decide. */
    private String key(TaskSpec task, List<Encoded> encoded) {
        Fingerprint key = new Fingerprint().add("model", model.fingerprint());
        key.add("output type", task.outputType().key()).add("stops", String.join("\n", task.until()));
        key.add("new tokens", Integer.toString(task.maxGenToks()));
        for (Encoded question : encoded) {
            for (Encoded.Group group : question.groups()) {
                key.add("context", group.context());
                group.continuations().forEach(continuation -> key.add("continuation", continuation));
            }
        }
        return key.hex();
    }

    private Path journalOf(TaskSpec task) {
        return settings.output().resolve(JOURNALS).resolve(task.name() + ".jsonl");
    }
}

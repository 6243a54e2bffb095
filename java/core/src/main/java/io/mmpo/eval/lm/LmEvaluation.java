package io.mmpo.eval.lm;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import io.mmpo.data.rows.TableRow;
import io.mmpo.data.store.Fingerprint;
import io.mmpo.data.tokens.ChatTemplate;
import io.mmpo.eval.Askers;
import io.mmpo.eval.EvaluatedModel;
import io.mmpo.eval.EvaluationListener;
import io.mmpo.eval.Journal;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.OwnerLock;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
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
    private static final String JOURNALS = ".unfinished";

    private final EvaluatedModel model;
    private final LmSettings settings;
    private final EvaluationListener listener;
    private final Askers askers;

    private LmEvaluation(EvaluatedModel model, LmSettings settings, EvaluationListener listener, Askers askers) {
        this.model = model;
        this.settings = settings;
        this.listener = listener;
        this.askers = askers;
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
            return run(model, listener, Askers.ALONE);
        }

        /**
         * Of several processes, each of which asks a part of the questions. All have the results; the first writes them.
         *
         * @param model the same in all of them, with one fingerprint
         */
        public Optional<LmResults> run(EvaluatedModel model, EvaluationListener listener, Askers askers) {
            LmEvaluation evaluation = new LmEvaluation(model, settings, listener, askers);
            if (!askers.isFirst()) {
                return evaluation.run(this);
            }
            try (OwnerLock lock =
                    OwnerLock.ofDirectory(settings.output(), "--output " + settings.output(), listener::message)) {
                return evaluation.run(this);
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
        askers.any(false, "the end of the tasks"); // all have read each other's journals
        if (askers.isFirst()) {
            all.write(settings.output().resolve("results.json"));
            for (int asker = 0; asker < askers.count(); asker++) {
                for (TaskSpec task : prepared.tasks) {
                    Journal.remove(journalOf(task, asker));
                }
            }
        }
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
        return responses(task, encoded)
                .map(responses ->
                        TaskResult.of(task, rows.all().size(), numFewshot, verdicts(task, questions, responses)));
    }

    /** Of all questions; empty where one of the askers was asked to stop. */
    private Optional<Map<Integer, Response>> responses(TaskSpec task, List<Encoded> encoded) {
        String key = key(task, encoded);
        Map<Integer, ObjectNode> answers = new HashMap<>();
        boolean complete;
        try (Journal journal = Journal.open(journalOf(task, askers.number()), key)) {
            complete = respond(task, shareOf(encoded), journal);
            answers.putAll(journal.known());
        }
        if (askers.any(!complete, "the questions of the task " + task.name())) {
            return Optional.empty();
        }
        for (int asker = 0; asker < askers.count(); asker++) {
            if (asker != askers.number()) {
                answers.putAll(Journal.answers(journalOf(task, asker), key));
            }
        }
        if (answers.size() < encoded.size()) {
            throw MmpoException.environment(
                    "%s has answers to %d of the %d questions of the task %s, which %d processes have asked: all of them must see the same files"
                            + " there.",
                    settings.output(), answers.size(), encoded.size(), task.name(), askers.count());
        }
        Map<Integer, Response> responses = new HashMap<>();
        answers.forEach((number, answer) -> responses.put(number, Response.of(answer)));
        return Optional.of(responses);
    }

    /** Every so many, since rows of a file may grow longer. */
    private List<Encoded> shareOf(List<Encoded> encoded) {
        return encoded.stream()
                .filter(question -> question.question() % askers.count() == askers.number())
                .toList();
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

    /** False where it was asked to stop. */
    private boolean respond(TaskSpec task, List<Encoded> encoded, Journal journal) {
        List<Encoded> pending = encoded.stream()
                .filter(question -> !journal.known().containsKey(question.question()))
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
        for (List<Encoded> batch : Batches.of(pending, settings.batchSize())) {
            if (listener.stopRequested()) {
                return false;
            }
            Map<Integer, ObjectNode> answers = new TreeMap<>();
            respondent.score(batch).forEach((number, response) -> answers.put(number, response.toJson()));
            journal.add(answers);
            listener.advanced(journal.known().size());
        }
        return true;
    }

    private boolean answer(Respondent respondent, List<Encoded> pending, Journal journal) {
        int before = journal.known().size();
        List<Encoded> sorted = pending.stream().sorted(Encoded.LONGEST_FIRST).toList();
        respondent.answer(sorted, settings.batchSize(), listener::stopRequested, (number, response) -> {
            journal.add(Map.of(number, response.toJson()));
            listener.advanced(journal.known().size());
        });
        return journal.known().size() == before + pending.size();
    }

    private Map<AnswerFilter, List<Map<String, Double>>> verdicts(
            TaskSpec task, List<Question> questions, Map<Integer, Response> responses) {
        Map<AnswerFilter, List<Map<String, Double>>> verdicts = new LinkedHashMap<>();
        for (AnswerFilter filter : task.filters()) {
            List<Map<String, Double>> ofFilter = new ArrayList<>();
            for (int i = 0; i < questions.size(); i++) {
                ofFilter.add(Verdict.of(task, questions.get(i), response(responses, i), filter));
            }
            verdicts.put(filter, ofFilter);
        }
        if (askers.isFirst()) {
            write(task, questions, responses, verdicts);
        }
        return verdicts;
    }

    private void write(
            TaskSpec task,
            List<Question> questions,
            Map<Integer, Response> responses,
            Map<AnswerFilter, List<Map<String, Double>>> verdicts) {
        try (AtomicFile file = AtomicFile.create(settings.output().resolve("samples_" + task.name() + ".jsonl"))) {
            verdicts.forEach((filter, ofFilter) -> {
                for (int i = 0; i < questions.size(); i++) {
                    SamplesFile.append(file, task, questions.get(i), response(responses, i), filter, ofFilter.get(i));
                }
            });
            file.commit();
        }
    }

    private static Response response(Map<Integer, Response> responses, int question) {
        return Objects.requireNonNull(responses.get(question));
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

    private Path journalOf(TaskSpec task, int asker) {
        String name = asker == 0 ? task.name() : task.name() + ".rank-" + asker;
        return settings.output().resolve(JOURNALS).resolve(name + ".jsonl");
    }
}

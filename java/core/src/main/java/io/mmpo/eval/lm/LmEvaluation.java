package io.mmpo.eval.lm;

import io.mmpo.MmpoException;
import io.mmpo.data.tokens.ChatTemplate;
import io.mmpo.data.store.Fingerprint;
import io.mmpo.data.rows.TableRow;
import io.mmpo.files.AtomicFile;
import io.mmpo.files.IoProblem;
import io.mmpo.files.OwnerLock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Asks a model the questions of tasks, with lm-evaluation-harness's prompts and metrics. Scores depend neither on the size of
 * a batch nor on what else is in it, so that an evaluation that was interrupted leaves the bytes of one that was not.
 */
public final class LmEvaluation {
    /** Tokens of a call: enough for every slice of the core to be full, and little enough for the time left to be told often. */
    private static final long MAX_BATCH_TOKENS = 16_384;

    private static final String JOURNALS = ".unfinished";

    private final LmModel model;
    private final LmSettings settings;
    private final LmListener listener;

    private LmEvaluation(LmModel model, LmSettings settings, LmListener listener) {
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

        /** Empty where the listener asked to stop; what is done is kept for the next time. */
        public Optional<LmResults> run(LmModel model, LmListener listener) {
            try (OwnerLock lock = OwnerLock.ofDirectory(
                    settings.output(), "--output " + settings.output(), listener::message)) {
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
        removeJournals(prepared.tasks);
        return Optional.of(all);
    }

    private Optional<TaskResult> run(TaskSpec task, TaskRows rows) {
        int numFewshot = settings.numFewshot().orElse(task.numFewshot());
        List<TableRow> asked =
                rows.all().stream().limit(settings.limit().orElse(Integer.MAX_VALUE)).toList();
        List<Question> questions = new Questions(task, rows.examples(numFewshot), chatTemplate()).of(asked);
        Encoder encoder = new Encoder(model.tokenizer(), model.positions());
        List<Encoded> encoded = encoder.encode(task, questions);
        encoder.notes().forEach(note -> listener.message(task.name() + ": " + note));
        try (Journal journal = Journal.open(journalOf(task), key(task, encoded))) {
            if (!respond(task, encoded, journal)) {
                return Optional.empty();
            }
            Map<AnswerFilter, List<Map<String, Double>>> verdicts = write(task, questions, journal.known());
            return Optional.of(TaskResult.of(task, rows.all().size(), numFewshot, verdicts));
        }
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
        for (int first = 0; first < pending.size(); ) {
            if (listener.stopRequested()) {
                return false;
            }
            int end = endOfBatch(pending, first);
            journal.add(respondent.respond(pending.subList(first, end)));
            listener.advanced(journal.known().size());
            first = end;
        }
        listener.finished();
        return true;
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
            TaskSpec task, List<Question> questions, Map<Integer, Response> responses) {
        Map<AnswerFilter, List<Map<String, Double>>> verdicts = new LinkedHashMap<>();
        task.filters().forEach(filter -> verdicts.put(filter, new ArrayList<>()));
        try (AtomicFile file = AtomicFile.create(settings.output().resolve("samples_" + task.name() + ".jsonl"))) {
            verdicts.forEach((filter, ofFilter) -> {
                for (int i = 0; i < questions.size(); i++) {
                    Map<String, Double> metrics = Verdict.of(task, questions.get(i), responses.get(i), filter);
                    ofFilter.add(metrics);
                    SamplesFile.append(file, task, questions.get(i), responses.get(i), filter, metrics);
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

    private void removeJournals(List<TaskSpec> tasks) {
        try {
            for (TaskSpec task : tasks) {
                Files.deleteIfExists(journalOf(task));
            }
            Path directory = settings.output().resolve(JOURNALS);
            try (Stream<Path> left = Files.list(directory)) {
                if (left.findAny().isPresent()) {
                    return; // of other tasks, which were interrupted
                }
            }
            Files.delete(directory);
        } catch (IOException e) {
            listener.message("warning: what was kept for an interruption could not be removed: " + IoProblem.of(e));
        }
    }
}

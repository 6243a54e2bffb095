package io.mmpo.train;

import io.mmpo.MmpoException;
import io.mmpo.TaskEvaluation;
import io.mmpo.config.TaskOptions;
import io.mmpo.config.TrainingConfig;
import io.mmpo.dist.Ranks;
import io.mmpo.eval.Askers;
import io.mmpo.eval.EvaluatedModel;
import io.mmpo.eval.EvaluationListener;
import io.mmpo.eval.lm.LmEvaluation;
import io.mmpo.eval.lm.LmResults;
import io.mmpo.eval.lm.LmSettings;
import io.mmpo.infer.OpenModel;
import io.mmpo.run.CheckpointName;
import io.mmpo.run.MetricNames;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;

/**
 * Tests of ability of the model that is trained, as it is after so many steps. Their files, in lm-evaluation-harness's shape, lie in
 * {@code eval_tasks/checkpoint-<step>} of output_dir, where a report finds them.
 */
final class TaskEvaluator {
    private static final String DIRECTORY = "eval_tasks";
    private static final int BATCH_SIZE = 64;

    private final LmEvaluation.Prepared tasks;
    private final Optional<String> bestMetric;
    private final Path directory;
    private final OpenModel model;
    private final ProgressListener listener;
    private final Ranks ranks;

    TaskEvaluator(
            LmEvaluation.Prepared tasks,
            TrainingConfig config,
            OpenModel model,
            ProgressListener listener,
            Ranks ranks) {
        this.tasks = tasks;
        this.bestMetric = config.run().best().metric().filter(name -> name.startsWith(MetricNames.TASKS));
        this.directory = config.run().outputDir().resolve(DIRECTORY);
        this.model = model;
        this.listener = listener;
        this.ranks = ranks;
    }

    /**
     * The tasks and their rows, read once, before anything is computed.
     *
     * @throws MmpoException what is wrong with their names, their files or the rows
     */
    static LmEvaluation.Prepared read(TrainingConfig config) {
        TaskOptions options = config.run().tasks();
        return LmEvaluation.prepare(new LmSettings(
                options.names(),
                options.data(),
                config.run().outputDir(),
                options.limit(),
                OptionalInt.empty(),
                false,
                BATCH_SIZE));
    }

    /** Ranks share the questions. Empty where a listener asked to stop: then nothing counts of what was answered, and a run that goes on asks first. */
    Optional<TaskEvaluation> evaluate(double epoch, int step) {
        long start = System.nanoTime();
        Path output = directory.resolve(CheckpointName.of(step));
        // Each evaluation is one of its own: answers that an earlier run left there are of other weights.
        String evaluation =
                ranks.ofFirst(() -> UUID.randomUUID().toString(), "the beginning of the tasks after step " + step);
        return tasks.into(output)
                .run(
                        new EvaluatedModel(model, output.toString(), evaluation),
                        new Told(listener),
                        new RankAskers(ranks))
                .map(results -> scored(step, epoch, results, (System.nanoTime() - start) * 1e-9));
    }

    private TaskEvaluation scored(int step, double epoch, LmResults results, double seconds) {
        Map<String, Double> scores = new LinkedHashMap<>();
        results.tasks()
                .forEach(task -> task.values()
                        .forEach((name, value) ->
                                scores.put(task.task() + "/" + name.replaceFirst(",none$", ""), value.mean())));
        results.meanAccuracy().ifPresent(mean -> scores.put("mean", mean.mean()));
        bestMetric
                .map(name -> name.substring(MetricNames.TASKS.length()))
                .filter(name -> !scores.containsKey(name))
                .ifPresent(name -> {
                    throw MmpoException.configuration(
                            "metric_for_best_model is %s%s, and the tasks give %s; name one of these, with %s before it",
                            MetricNames.TASKS, name, String.join(", ", scores.keySet()), MetricNames.TASKS);
                });
        return new TaskEvaluation(step, epoch, scores, seconds);
    }

    private record RankAskers(Ranks ranks) implements Askers {
        @Override
        public int number() {
            return ranks.rank();
        }

        @Override
        public int count() {
            return ranks.size();
        }

        @Override
        public boolean any(boolean holds, String what) {
            return ranks.any(holds, what);
        }
    }

    /** Who follows the run follows its tests. */
    private record Told(ProgressListener listener) implements EvaluationListener {
        @Override
        public void message(String line) {
            listener.message(line);
        }

        @Override
        public void started(String part, int done, int total) {
            listener.started(ProgressListener.Phase.EVALUATION, done, total);
        }

        @Override
        public void advanced(int done) {
            listener.advanced(ProgressListener.Phase.EVALUATION, done, done);
        }

        @Override
        public void finished() {
            listener.finished(ProgressListener.Phase.EVALUATION);
        }

        @Override
        public boolean stopRequested() {
            return listener.stopRequested();
        }
    }
}

package io.mmpo;

import io.mmpo.config.TrainingConfig;
import io.mmpo.infer.Failures;
import io.mmpo.nativelib.NativeException;
import io.mmpo.train.ProgressListener;
import io.mmpo.train.RunMemory;
import io.mmpo.train.Trainer;
import io.mmpo.train.TrainingResult;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a model is to be tuned with. Whatever is not said is as the command line has it; any key of its configuration can be set by its
 * name. A description may be run several times, but for rows of a stream.
 */
public final class FineTuning {
    /** Of runs that leave no files. */
    private static final String NEEDS_OUTPUT =
            "%s asks for checkpoints, and the run has no output directory to write them into. Name one with output(...), or leave %s out.";

    private final Map<String, Object> keys;
    private final Rows rows;
    private final Optional<Rows> evaluationRows;
    private final boolean leavesFiles;
    private final TrainingListener listener;

    private FineTuning(Builder builder) {
        keys = new LinkedHashMap<>(builder.method.keys());
        keys.putAll(builder.keys);
        rows = required(builder.rows);
        evaluationRows = Optional.ofNullable(builder.evaluationRows);
        leavesFiles = keys.get("output_dir") != null;
        listener = builder.listener;
        name("dataset_name", "rows", rows);
        evaluationRows.ifPresent(named -> name("eval_dataset_name", "evaluation", named));
    }

    private void name(String key, String says, Rows named) {
        if (keys.put(key, named.name()) != null) {
            throw MmpoException.configuration(
                    "%s is what %s(...) says, and was set beside it; leave one of them out.", key, says);
        }
    }

    private static Rows required(@Nullable Rows rows) {
        if (rows == null) {
            throw MmpoException.configuration("There is nothing to train on; give rows(...).");
        }
        return rows;
    }

    /** model: a directory in Hugging Face's layout, or owner/name[@revision] of a hub. */
    public static Builder of(Path model) {
        return new Builder(model);
    }

    /** Trains to the end, as {@link #start} and {@link TrainingRun#join} do. */
    public TrainingReport run() {
        return start().join();
    }

    /** Begins to train on a platform thread. What is wrong with the configuration is thrown here, all the rest by {@link TrainingRun#join}. */
    public TrainingRun start() {
        TrainingConfig config = TrainingConfig.of(keys);
        if (!leavesFiles) {
            requireNoFiles(config);
        }
        return new TrainingRun(run -> train(config, run));
    }

    private static void requireNoFiles(TrainingConfig config) {
        if (config.run().resumeFrom().isPresent()) {
            throw MmpoException.configuration(NEEDS_OUTPUT, "resume_from_checkpoint", "it");
        }
        if (config.run().best().loadAtEnd()) {
            throw MmpoException.configuration(NEEDS_OUTPUT, "load_best_model_at_end", "it");
        }
    }

    private TrainingReport train(TrainingConfig config, TrainingRun run) {
        RunMemory memory = new RunMemory(rows.inMemory(), evaluationRows.flatMap(Rows::inMemory), leavesFiles);
        try {
            TrainingResult result = Trainer.run(config, memory, new Ears(run, listener));
            return new TrainingReport(result.globalStep(), result.summary(), result.directory(), result.model());
        } catch (NativeException e) {
            throw Failures.ofTheCore(e, "training");
        }
    }

    /** Tells the run and its listener what the trainer tells. */
    private record Ears(TrainingRun run, TrainingListener listener) implements ProgressListener {
        @Override
        public void message(String line) {
            listener.message(line);
        }

        @Override
        public void started(Phase phase, long done, long total) {
            tell(phase, done, total);
        }

        @Override
        public void totalKnown(Phase phase, long total) {
            tell(phase, run.progress().done(), total);
        }

        @Override
        public void advanced(Phase phase, long done, long rows) {
            TrainingRun.Progress last = run.progress();
            tell(phase, done, last.phase() == of(phase) ? last.total() : TrainingRun.Progress.UNKNOWN);
        }

        private void tell(Phase phase, long done, long total) {
            TrainingRun.Progress now = new TrainingRun.Progress(of(phase), done, total);
            run.progress(now);
            listener.progress(now);
        }

        private static TrainingRun.Phase of(Phase phase) {
            return switch (phase) {
                case REFERENCE -> TrainingRun.Phase.REFERENCE;
                case TRAINING -> TrainingRun.Phase.TRAINING;
                case EVALUATION -> TrainingRun.Phase.EVALUATION;
            };
        }

        @Override
        public void logged(RunMetrics line) {
            switch (line) {
                case StepMetrics metrics -> listener.step(metrics);
                case Evaluation evaluation -> listener.evaluation(evaluation);
                case TaskEvaluation evaluation -> listener.taskEvaluation(evaluation);
                case TrainingSummary summary -> listener.finished(summary);
            }
        }

        @Override
        public void saved(Path directory) {
            listener.saved(directory);
        }

        @Override
        public boolean stopRequested() {
            return run.isCancelRequested();
        }
    }

    /** Says what to tune and how. Rows have to be given. */
    public static final class Builder {
        private final Map<String, Object> keys = new LinkedHashMap<>();
        private Method method = Method.mmpo();
        private @Nullable Rows rows;
        private @Nullable Rows evaluationRows;
        private TrainingListener listener = new TrainingListener() {};

        private Builder(Path model) {
            keys.put("model_name_or_path", model);
        }

        /** MMPO, unless another is given. */
        public Builder method(Method tuning) {
            method = Objects.requireNonNull(tuning, "method");
            return this;
        }

        /** What is trained on. */
        public Builder rows(Rows training) {
            rows = training;
            return this;
        }

        /** What is evaluated on after each epoch, or when eval_strategy says. */
        public Builder evaluation(Rows heldOut) {
            evaluationRows = Objects.requireNonNull(heldOut, "evaluation");
            keys.putIfAbsent("eval_strategy", "epoch");
            return this;
        }

        public Builder learningRate(double perStep) {
            return set("learning_rate", perStep);
        }

        public Builder epochs(double number) {
            return set("num_train_epochs", number);
        }

        /** Rows of a micro-batch. */
        public Builder batchSize(int pairs) {
            return set("per_device_train_batch_size", pairs);
        }

        /** Trains an adapter of this rank, with an alpha of twice that, and leaves the model's own weights as they are. */
        public Builder lora(int rank) {
            set("use_peft", true);
            set("lora_alpha", 2L * rank);
            return set("lora_r", rank);
        }

        /**
         * Where metrics, checkpoints and the final model are written: a directory that holds no other run. Without one nothing is
         * written, and the report has the model in memory.
         */
        public Builder output(Path directory) {
            return set("output_dir", directory);
        }

        public Builder listener(TrainingListener hears) {
            listener = Objects.requireNonNull(hears, "listener");
            return this;
        }

        /** Any key of docs/configuration.md: a text, number, boolean, path, list or map. */
        public Builder set(String key, Object value) {
            keys.put(key, value);
            return this;
        }

        public FineTuning build() {
            return new FineTuning(this);
        }

        /** {@link #build} and {@link FineTuning#run}. */
        public TrainingReport run() {
            return build().run();
        }

        /** {@link #build} and {@link FineTuning#start}. */
        public TrainingRun start() {
            return build().start();
        }
    }
}

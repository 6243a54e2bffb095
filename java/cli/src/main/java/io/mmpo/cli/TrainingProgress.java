package io.mmpo.cli;

import io.mmpo.PrintableText;
import io.mmpo.RunMetrics;
import io.mmpo.data.Reading;
import io.mmpo.run.MetricNames;
import io.mmpo.train.ProgressListener;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** Tells on stderr how a run goes: a bar with the time left in a terminal, plain lines anywhere else. */
final class TrainingProgress implements ProgressListener, AutoCloseable {
    private static final int REFRESH_MILLIS = 250;
    /** The bar is drawn again below the line. */
    private static final String ERASE_LINE = "\r\u001b[K";

    private final PrintWriter err;
    private final StopSignal stop;
    private final boolean inTerminal;
    private final ReadingLines lines;
    private @Nullable Phase phase;
    private long total;
    private long startDone;
    private long startNanos;
    private long done;
    private @Nullable ProgressBar bar;

    private TrainingProgress(PrintWriter err, StopSignal stop, boolean inTerminal) {
        this.err = err;
        this.stop = stop;
        this.inTerminal = inTerminal;
        this.lines = new ReadingLines(err);
    }

    static TrainingProgress on(PrintWriter err, StopSignal stop) {
        boolean inTerminal = System.console() != null && System.console().isTerminal();
        return new TrainingProgress(err, stop, inTerminal);
    }

    @Override
    public boolean stopRequested() {
        return stop.requested();
    }

    @Override
    public void message(String line) {
        if (inTerminal) {
            System.err.print(ERASE_LINE); // past the writer, which would print it as text
        }
        err.println(PrintableText.line(line));
    }

    @Override
    public void reading(String purpose, Reading reading) {
        lines.reading(purpose + " rows", reading);
    }

    /** An evaluation inside training keeps training's bar: it is told in one line when it is done. */
    @Override
    public void started(Phase started, long startingAt, long ofTotal) {
        if (started == Phase.EVALUATION) {
            return;
        }
        phase = started;
        total = ofTotal;
        startDone = startingAt;
        done = startingAt;
        startNanos = System.nanoTime();
        if (inTerminal) {
            bar = new ProgressBarBuilder()
                    .setTaskName(started == Phase.REFERENCE ? "reference" : "training")
                    .setInitialMax(ofTotal)
                    .startsFrom(startingAt, Duration.ZERO)
                    .setUpdateIntervalMillis(REFRESH_MILLIS)
                    .setStyle(ProgressBarStyle.ASCII)
                    .setConsumer(new ConsoleProgressBarConsumer(System.err))
                    .build();
        } else if (started == Phase.REFERENCE) {
            err.println("computing reference log-probabilities of "
                    + (ofTotal == UNKNOWN ? "the rows, as they are tokenized" : ofTotal + " rows"));
        }
    }

    @Override
    public void totalKnown(Phase ofPhase, long nowTotal) {
        if (ofPhase != phase) {
            return;
        }
        total = nowTotal;
        if (bar != null) {
            bar.maxHint(nowTotal);
        } else if (ofPhase == Phase.REFERENCE) {
            err.println("all rows are tokenized: " + nowTotal + " to score");
        }
    }

    @Override
    public void advanced(Phase advanced, long nowDone, long rows) {
        if (advanced != phase) {
            return;
        }
        done = nowDone;
        if (bar != null) {
            bar.stepTo(nowDone);
            bar.setExtraMessage(String.format(Locale.ROOT, "%.1f pairs/s", rows / seconds()));
        } else if (advanced == Phase.REFERENCE) {
            lines.tell(() -> String.format(
                    Locale.ROOT,
                    "reference log-probabilities: %,d rows done, %.1f a second",
                    nowDone,
                    rows / seconds()));
        }
    }

    @Override
    public void finished(Phase finished) {
        if (finished == phase) {
            close();
        }
    }

    @Override
    public void logged(RunMetrics metricsLine) {
        Map<String, Number> metrics = MetricNames.of(metricsLine);
        StringJoiner line = new StringJoiner("  ");
        if (metrics.containsKey("step")) {
            line.add("step " + metrics.get("step") + (phase == Phase.TRAINING ? "/" + total : ""));
        }
        for (String name : new String[] {
            "loss",
            "eval_loss",
            "train_loss",
            "grad_norm",
            "learning_rate",
            "rewards/accuracies",
            "rewards/margins",
            "eval_rewards/accuracies",
            "eval_rewards/margins",
            "pairs_per_second",
            "train_runtime"
        }) {
            if (metrics.containsKey(name)) {
                line.add(name + " "
                        + String.format(Locale.ROOT, "%.4g", metrics.get(name).doubleValue()));
            }
        }
        metrics.forEach((name, value) -> {
            if (name.startsWith(MetricNames.TASKS)) {
                line.add(name + " " + String.format(Locale.ROOT, "%.4g", value.doubleValue()));
            }
        });
        if (metrics.containsKey("loss") && !inTerminal && done < total) {
            line.add("left " + timeLeft());
        }
        message(line.toString());
    }

    @Override
    public void saved(Path directory) {
        message("saved " + directory);
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }

    private String timeLeft() {
        long steps = Math.max(1, done - startDone);
        long left = Math.round(seconds() / steps * (total - done));
        return String.format(Locale.ROOT, "%d:%02d:%02d", left / 3600, left / 60 % 60, left % 60);
    }

    private double seconds() {
        return Math.max(1e-9, (System.nanoTime() - startNanos) * 1e-9);
    }
}

package io.mmpo.cli;

import io.mmpo.PrintableText;
import io.mmpo.eval.EvaluationListener;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Locale;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/** Tells on stderr how an evaluation goes: a bar with the time left in a terminal, a line now and then anywhere else. */
final class EvaluationProgress implements EvaluationListener {
    private static final int REFRESH_MILLIS = 250;

    private final PrintWriter err;
    private final StopSignal stop;
    private final ReadingLines lines;
    private String task = "";
    private int begun;
    private int total;
    private long startNanos;
    private @Nullable ProgressBar bar;

    EvaluationProgress(PrintWriter err, StopSignal stop) {
        this.err = err;
        this.stop = stop;
        this.lines = new ReadingLines(err);
    }

    @Override
    public void message(String line) {
        err.println(PrintableText.line(line));
    }

    @Override
    public void started(String ofTask, int done, int ofTotal) {
        task = ofTask;
        begun = done;
        total = ofTotal;
        startNanos = System.nanoTime();
        if (done > 0) {
            message(task + ": " + done + " of " + total + " questions were answered before");
        }
        if (System.console() != null && System.console().isTerminal()) {
            bar = new ProgressBarBuilder()
                    .setTaskName(task)
                    .setInitialMax(total)
                    .startsFrom(done, Duration.ZERO)
                    .setUpdateIntervalMillis(REFRESH_MILLIS)
                    .setStyle(ProgressBarStyle.ASCII)
                    .setConsumer(new ConsoleProgressBarConsumer(System.err))
                    .build();
        }
    }

    @Override
    public void advanced(int done) {
        if (bar != null) {
            bar.stepTo(done);
            return;
        }
        double seconds = Math.max(1e-9, (System.nanoTime() - startNanos) * 1e-9);
        long left = Math.round(seconds / Math.max(1, done - begun) * (total - done));
        lines.tell(() -> String.format(
                Locale.ROOT,
                "%s: %,d of %,d questions, %.1f a second, left %d:%02d:%02d",
                task,
                done,
                total,
                (done - begun) / seconds,
                left / 3600,
                left / 60 % 60,
                left % 60));
    }

    @Override
    public void finished() {
        if (bar != null) {
            bar.close();
            bar = null;
        }
    }

    @Override
    public boolean stopRequested() {
        return stop.requested();
    }
}

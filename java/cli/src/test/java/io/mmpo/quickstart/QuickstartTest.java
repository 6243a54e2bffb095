package io.mmpo.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.train.ProgressListener;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuickstartTest {
    @TempDir
    Path directory;

    /** Asks to stop as soon as a step is done, as a signal would. */
    private static final class StopAfterAStep implements ProgressListener {
        private boolean stepDone;

        @Override
        public void advanced(Phase phase, long done, long rows) {
            stepDone |= phase == Phase.TRAINING;
        }

        @Override
        public boolean stopRequested() {
            return stepDone;
        }
    }

    @Test
    void stopsWhereTheListenerAsksForIt() {
        StringWriter out = new StringWriter();
        boolean finished = Quickstart.run(
                new Quickstart.Options(directory.resolve("quick"), 1, true),
                new PrintWriter(out, true),
                new StopAfterAStep());
        assertThat(finished).isFalse();
        assertThat(out.toString()).contains("SFT: learns").doesNotContain("MMPO, from", "Done");
        assertThat(directory.resolve("quick/sft/checkpoint-1")).isDirectory();
        assertThat(directory.resolve("quick/results.json")).doesNotExist();
    }
}

package io.mmpo.train;

import static io.mmpo.spec.ByteUnits.GIB;

import io.mmpo.MmpoException;
import io.mmpo.config.TrainingConfig;
import io.mmpo.model.PretrainedModel;
import io.mmpo.run.RunDirectory;
import io.mmpo.spec.OptimizerType;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Locale;
import java.util.OptionalInt;

/**
 * About how many bytes a run will write into output_dir: the final model, and checkpoints with the optimizer's state, all in
 * float32. Asked for before the first step, so that a run does not end for want of room when most of its time is spent.
 *
 * @param checkpoints that lie there at once, beside those that are there already
 * @param checkpointBytes of one
 * @param finalBytes of the trained weights alone
 */
record DiskSpace(long checkpoints, long checkpointBytes, long finalBytes) {
    /** firstStep: from which the run goes on. */
    static DiskSpace of(TrainingConfig config, StepPlan plan, int firstStep, PretrainedModel model) {
        long trained = model.numTrainableParameters();
        // Two moments: of four bytes each, or of one.
        long moments = config.optimizer().type() == OptimizerType.ADAMW_8BIT ? 2 : 2L * Float.BYTES;
        long saves = new Intervals(config.run(), plan).numSaves(firstStep);
        OptionalInt limit = config.run().checkpointsAtOnce();
        long atOnce = limit.isPresent() ? Math.min(saves, limit.getAsInt()) : saves;
        long state = config.run().saveOnlyModel() ? 0 : moments;
        return new DiskSpace(atOnce, trained * (Float.BYTES + state), trained * Float.BYTES);
    }

    double bytes() {
        return (double) checkpoints * checkpointBytes + finalBytes;
    }

    void requireIn(RunDirectory directory) {
        try {
            requireWithin(Files.getFileStore(directory.path()).getUsableSpace(), directory);
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "output_dir %s: how much room there is could not be found out: %s. Choose another.",
                    directory.path(),
                    e);
        }
    }

    void requireWithin(long usableBytes, RunDirectory directory) {
        if (bytes() > usableBytes) {
            throw MmpoException.environment(
                    "output_dir %s has room for %s, and the run will write about %s: %d checkpoints of %s and the final model of %s. Make"
                            + " room, choose another output_dir, or keep fewer: save_total_limit, a larger save_steps, save_strategy: no.",
                    directory.path(),
                    gib(usableBytes),
                    gib(bytes()),
                    checkpoints,
                    gib(checkpointBytes),
                    gib(finalBytes));
        }
    }

    private static String gib(double bytes) {
        return String.format(Locale.ROOT, "%.3g GiB", bytes / GIB);
    }
}

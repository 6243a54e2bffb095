package io.mmpo.train;

import io.mmpo.RunMetrics;
import io.mmpo.run.TrainerState;
import java.nio.file.Path;
import java.util.Optional;

/** Where a run leaves what it has made: in its directory, or in memory alone. */
interface Saving {
    /** An evaluation after a step, which may be the best so far. */
    void evaluated(RunMetrics evaluation);

    /** A checkpoint of the kind that the configuration asks for. */
    void save(TrainerState state);

    /** What the run can go on from; its place, where it has one. */
    Optional<Path> saveWhole(TrainerState state);

    /** The place of the final model, where it has one; lastStep: after which it is as it is. */
    Optional<Path> saveFinal(int lastStep);
}

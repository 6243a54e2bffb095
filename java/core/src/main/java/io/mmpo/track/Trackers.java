package io.mmpo.track;

import io.mmpo.RunMetrics;
import io.mmpo.spec.TrackerKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** All trackers of a run as one. */
public final class Trackers implements Tracker {
    private final List<Tracker> trackers;

    private Trackers(List<Tracker> trackers) {
        this.trackers = trackers;
    }

    /** environment: where it says which server metrics go to, and who sends them. */
    public static Tracker open(
            List<TrackerKind> kinds, TrackedRun run, Map<String, String> environment, Consumer<String> messages) {
        Trackers opened = new Trackers(new ArrayList<>());
        try {
            for (TrackerKind kind : kinds) {
                opened.trackers.add(
                        switch (kind) {
                            case TENSORBOARD -> TensorBoardFile.create(run);
                            case MLFLOW -> MlflowTracker.open(run, MlflowSettings.of(environment), messages);
                        });
            }
            return opened;
        } catch (RuntimeException | Error e) {
            opened.close();
            throw e;
        }
    }

    /** Whether the environment says where metrics would go. */
    public static boolean isNamed(TrackerKind kind, Map<String, String> environment) {
        return kind == TrackerKind.TENSORBOARD || MlflowSettings.isNamed(environment);
    }

    @Override
    public void log(RunMetrics line) {
        trackers.forEach(tracker -> tracker.log(line));
    }

    @Override
    public void ended(Ending ending) {
        trackers.forEach(tracker -> tracker.ended(ending));
    }

    @Override
    public void close() {
        trackers.forEach(Tracker::close);
    }
}

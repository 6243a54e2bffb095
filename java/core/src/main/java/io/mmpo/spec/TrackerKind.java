package io.mmpo.spec;

/** A program for looking at metrics that a run sends its own to, beside metrics.jsonl. */
public enum TrackerKind {
    /** Event files in the run's directory. */
    TENSORBOARD,
    /** A tracking server. */
    MLFLOW
}

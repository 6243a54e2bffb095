package io.mmpo.data.tokens;

/** Which end of a sequence stays where it is longer than {@code max_length}. */
public enum TruncationMode {
    KEEP_START,
    KEEP_END
}

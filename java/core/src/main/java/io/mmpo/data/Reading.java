package io.mmpo.data;

/**
 * How far the files of a data set are read. Rows that are found in a cache need not be read.
 *
 * @param rows that are read and tokenized
 * @param bytes of the files as they lie on the disk
 */
public record Reading(long rows, long bytes, long totalBytes) {
    Reading plus(Reading other) {
        return new Reading(rows + other.rows, bytes + other.bytes, totalBytes + other.totalBytes);
    }
}

package io.mmpo.data.rows;

import java.util.Locale;

/** What a file of rows is, told by its name. */
public enum DataFormat {
    JSON_LINES,
    JSON,
    CSV,
    PARQUET;

    static final String NAMES = ".jsonl, .json, .csv or .parquet; the first three also packed as .gz";

    /** Lines of JSON where the name says nothing else. */
    public static DataFormat of(String fileName) {
        String name = fileName.toLowerCase(Locale.ROOT);
        if (name.endsWith(".parquet")) {
            return PARQUET;
        }
        String unpacked = name.endsWith(".gz") ? name.substring(0, name.length() - ".gz".length()) : name;
        return unpacked.endsWith(".json") ? JSON : unpacked.endsWith(".csv") ? CSV : JSON_LINES;
    }

    /** Whether a file of a directory is taken for data. */
    static boolean isData(String fileName) {
        return fileName.toLowerCase(Locale.ROOT).matches(".*\\.((jsonl|ndjson|json|csv)(\\.gz)?|parquet)");
    }
}

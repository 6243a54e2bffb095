package io.mmpo.data.rows;

import static java.util.Map.entry;

import io.mmpo.MmpoException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What a file of rows is, told by its name. */
public enum DataFormat {
    JSON_LINES,
    JSON,
    CSV,
    PARQUET;

    static final String NAMES = ".jsonl, .json, .csv or .parquet; the first three also packed as .gz";

    /** Of files of a directory that are taken for data; which goes before which is datasets' own order. */
    static final List<String> EXTENSIONS = List.of("parquet", "jsonl", "json", "csv", "ndjson");

    private static final String PACKED = ".gz";

    /** What people bring that is not read, and what to do with it. */
    private static final Map<String, String> UNREAD = Map.ofEntries(
            entry(
                    "arrow",
                    "it is Arrow's format: write it as Parquet (datasets.Dataset.from_file(...).to_parquet(...))"),
            entry("feather", "it is Arrow's format: write it as Parquet"),
            entry("tsv", "its values are separated by tabs: write it with commas, as .csv"),
            entry("xlsx", "it is a spreadsheet: write it as .csv"),
            entry("zst", "it is packed in another way than .gz: unpack it"),
            entry("xz", "it is packed in another way than .gz: unpack it"),
            entry("bz2", "it is packed in another way than .gz: unpack it"),
            entry("lz4", "it is packed in another way than .gz: unpack it"),
            entry("zip", "it is an archive: unpack it"),
            entry("tar", "it is an archive: unpack it"),
            entry("tgz", "it is an archive: unpack it"),
            entry("7z", "it is an archive: unpack it"));

    /** Lines of JSON where the name says nothing else. */
    public static DataFormat of(String fileName) {
        return switch (extension(fileName)) {
            case "parquet" -> PARQUET;
            case "json" -> JSON;
            case "csv" -> CSV;
            default -> JSON_LINES;
        };
    }

    /** Whether a file of a directory is taken for data. */
    static boolean isData(String fileName) {
        String extension = extension(fileName);
        return EXTENSIONS.contains(extension) && !(extension.equals("parquet") && isPacked(fileName));
    }

    /** JSON of either kind is read by one reader. */
    boolean isReadAs(DataFormat other) {
        return this == other || isJson() && other.isJson();
    }

    private boolean isJson() {
        return this == JSON || this == JSON_LINES;
    }

    /** Without the dot and in small letters, of a packed file that of what is in it; empty where there is none. */
    static String extension(String fileName) {
        String name = fileName.substring(fileName.lastIndexOf('/') + 1).toLowerCase(Locale.ROOT);
        String unpacked = isPacked(name) ? name.substring(0, name.length() - PACKED.length()) : name;
        int dot = unpacked.lastIndexOf('.');
        return dot < 0 ? "" : unpacked.substring(dot + 1);
    }

    private static boolean isPacked(String fileName) {
        return fileName.toLowerCase(Locale.ROOT).endsWith(PACKED);
    }

    /** Refuses files whose names say that they are something else, which a parser would only find unreadable. */
    static void requireReadable(Path file) {
        String problem = UNREAD.get(extension(file.getFileName().toString()));
        if (problem != null) {
            throw MmpoException.data("%s is no file of rows that is read (%s); %s.", file, NAMES, problem);
        }
    }
}

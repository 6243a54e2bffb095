/**
 * Fine-tuning of language models on preferences, and answering with them. One package is for programs; the others are the library's own.
 * It stands apart from the sources of the packages, since everything that is built here, tests and command line too, is built on the class path.
 */
module io.mmpo {
    exports io.mmpo;

    // Records that are written as JSON and read again.
    opens io.mmpo.data.tokens to
            com.fasterxml.jackson.databind;
    opens io.mmpo.files to
            com.fasterxml.jackson.databind;
    opens io.mmpo.run to
            com.fasterxml.jackson.databind;

    requires ai.djl.tokenizers;
    requires com.fasterxml.jackson.databind;
    requires com.fasterxml.jackson.dataformat.csv;
    requires com.fasterxml.jackson.dataformat.yaml;
    requires java.net.http;
    requires java.sql;
    requires org.bytedeco.javacpp;
    requires org.bytedeco.pytorch;
    requires org.yaml.snakeyaml;
    requires static duckdb.jdbc; // Parquet
    requires static java.desktop; // plots
    requires static transitive org.jspecify;
}

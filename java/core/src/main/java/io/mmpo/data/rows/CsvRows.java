package io.mmpo.data.rows;

import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.csv.CsvFactory;
import com.fasterxml.jackson.dataformat.csv.CsvMapper;
import com.fasterxml.jackson.dataformat.csv.CsvParser;
import io.mmpo.PrintableText;
import io.mmpo.files.IoProblem;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;

/** Comma-separated values (RFC 4180) whose first record names the columns. Every value is text, an empty one too. */
final class CsvRows extends RowFile {
    private static final int MAX_COLUMNS = 10_000;
    private static final CsvMapper MAPPER = CsvMapper.builder(CsvFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder()
                            .maxStringLength(RowJson.MAX_ROW_BYTES)
                            .build())
                    .build())
            .enable(CsvParser.Feature.WRAP_AS_ARRAY)
            .enable(CsvParser.Feature.SKIP_EMPTY_LINES)
            .build();

    private final InputStream input;
    private final MappingIterator<String[]> records;
    private final String[] names;

    /** columns: those whose names must be there once. */
    CsvRows(Path file, InputStream input, Set<String> columns) throws IOException {
        super(file);
        this.input = input;
        // Bytes that are no UTF-8 are an error, not a replacement character.
        InputStreamReader reader = new InputStreamReader(
                input,
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT));
        RowPlace place = RowPlace.row(file, 0);
        try {
            records = MAPPER.readerFor(String[].class).readValues(reader);
        } catch (CharacterCodingException e) {
            throw notText(file, place).orElseThrow();
        }
        names = read(place).orElse(new String[0]);
        if (names.length > MAX_COLUMNS
                || Arrays.stream(names).filter(columns::contains).distinct().count()
                        < Arrays.stream(names).filter(columns::contains).count()) {
            throw place.error(
                    "the first record must name every column once, found %s",
                    PrintableText.excerpt(String.join(",", names)));
        }
    }

    @Override
    Optional<Row> read() {
        RowPlace place = RowPlace.row(file, nextRow);
        Optional<String[]> values = read(place);
        nextRow++;
        return values.map(record -> row(record, place));
    }

    private Row row(String[] values, RowPlace place) {
        if (values.length != names.length) {
            throw place.error("%d values are wanted, one a column, found %d", names.length, values.length);
        }
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        long characters = 0;
        for (int i = 0; i < names.length; i++) {
            object.put(names[i], values[i]);
            characters += values[i].length();
        }
        if (characters > RowJson.MAX_ROW_BYTES) {
            throw place.error("a row may have %d characters, this one has %d", RowJson.MAX_ROW_BYTES, characters);
        }
        return new Row(place, (int) characters, () -> object);
    }

    private Optional<String[]> read(RowPlace place) {
        try {
            return records.hasNextValue() ? Optional.of(records.nextValue()) : Optional.empty();
        } catch (CharacterCodingException e) {
            throw notText(file, place).orElseThrow();
        } catch (IOException e) {
            throw place.error("it is not valid CSV: %s", PrintableText.excerpt(IoProblem.of(e)));
        }
    }

    @Override
    public void close() {
        closeInput(input, file);
    }
}

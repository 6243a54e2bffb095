package io.mmpo.data.rows;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import java.util.Map;

/** A row with all of its columns, and where it stands. */
public final class TableRow {
    private final ObjectNode values;
    private final RowPlace place;

    TableRow(ObjectNode values, RowPlace place) {
        this.values = values;
        this.place = place;
    }

    public ObjectNode values() {
        return values;
    }

    /** As a template sees them: integers are Long or BigInteger, other numbers Double. */
    public Map<String, Object> plain() {
        return plain(values);
    }

    /** The same of an object that stands in no file of rows. */
    public static Map<String, Object> plain(ObjectNode object) {
        return TemplateVariables.plainMap(object);
    }

    /** 0-based, in its file. */
    public int row() {
        return place.row();
    }

    /** Names the row before what is wrong with it. */
    public MmpoException error(String format, Object... arguments) {
        return place.error(format, arguments);
    }

    /** The same error, with the row's place before it. */
    public MmpoException locate(MmpoException error) {
        return place.locate(error);
    }
}

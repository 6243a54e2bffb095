package io.mmpo.data.template;

import com.hubspot.jinjava.util.ForLoop;
import java.util.List;

/** The {@code loop} variable, which also knows its neighbours. */
final class ItemLoop extends ForLoop {
    private final List<?> items;

    ItemLoop(List<?> items) {
        super(items.iterator(), items.size());
        this.items = items;
    }

    /** The item before (-1) or after (1) the current one; undefined at the ends. */
    Object neighbour(int offset) {
        int index = getIndex0() + offset;
        return index < 0 || index >= items.size() ? PythonValues.UNDEFINED : items.get(index);
    }

    @Override
    public int getLength() {
        return items.size();
    }
}

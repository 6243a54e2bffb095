package io.mmpo.data.template;

import java.util.AbstractList;
import java.util.List;

/** A list that prints as a tuple and equals tuples only. */
class PythonTuple extends AbstractList<Object> {
    private final List<?> elements;

    PythonTuple(List<?> elements) {
        this.elements = elements;
    }

    static PythonTuple of(Object... elements) {
        return new PythonTuple(java.util.Arrays.asList(elements));
    }

    @Override
    public Object get(int index) {
        return elements.get(index);
    }

    @Override
    public int size() {
        return elements.size();
    }
}

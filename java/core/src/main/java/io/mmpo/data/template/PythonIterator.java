package io.mmpo.data.template;

import java.util.Iterator;

/** What can be gone through once, and has neither length nor indices: the result of {@code map}, {@code select} and others. */
final class PythonIterator implements Iterator<Object> {
    private final Iterator<?> elements;

    PythonIterator(Iterator<?> elements) {
        this.elements = elements;
    }

    @Override
    public boolean hasNext() {
        return elements.hasNext();
    }

    @Override
    public Object next() {
        RenderLimits.step();
        return elements.next();
    }
}

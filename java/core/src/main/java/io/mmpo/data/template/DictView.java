package io.mmpo.data.template;

import java.util.AbstractCollection;
import java.util.Collection;
import java.util.Iterator;
import java.util.Map;

/**
 * {@code keys()}, {@code values()} or {@code items()} of a mapping: a length and elements, but no indices.
 *
 * @see #name for how it prints
 */
final class DictView extends AbstractCollection<Object> {
    private final String name;
    private final Collection<?> elements;

    private DictView(String name, Collection<?> elements) {
        this.name = name;
        this.elements = elements;
    }

    static DictView keys(Map<?, ?> map) {
        return new DictView("dict_keys", map.keySet());
    }

    static DictView values(Map<?, ?> map) {
        return new DictView("dict_values", map.values());
    }

    static DictView items(Map<?, ?> map) {
        return new DictView("dict_items", new AbstractCollection<Object>() {
            @Override
            public Iterator<Object> iterator() {
                Iterator<? extends Map.Entry<?, ?>> entries = map.entrySet().iterator();
                return new Iterator<>() {
                    @Override
                    public boolean hasNext() {
                        return entries.hasNext();
                    }

                    @Override
                    public Object next() {
                        Map.Entry<?, ?> entry = entries.next();
                        return PythonTuple.of(entry.getKey(), entry.getValue());
                    }
                };
            }

            @Override
            public int size() {
                return map.size();
            }
        });
    }

    String name() {
        return name;
    }

    @Override
    @SuppressWarnings("unchecked")
    public Iterator<Object> iterator() {
        return (Iterator<Object>) elements.iterator();
    }

    @Override
    public int size() {
        return elements.size();
    }
}

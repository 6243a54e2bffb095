package io.mmpo.data.template;

import java.util.Map;

/** {@code namespace(...)}: the one value whose attributes a template can set. */
record Namespace(Map<Object, Object> attributes) {
    void set(String name, Object value) {
        PythonMaps.put(attributes, name, value);
    }

    @Override
    public boolean equals(Object other) {
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}

package io.mmpo.data.template;

import java.util.List;
import java.util.Map;

/** Python's dict over Java's maps: keys that are equal numbers are one key. */
final class PythonMaps {
    static final Object MISSING = new Object();

    private PythonMaps() {}

    static boolean has(Map<?, ?> map, Object key) {
        return get(map, key) != MISSING;
    }

    /** {@link #MISSING} where there is no such key. */
    static Object get(Map<?, ?> map, Object key) {
        Object found = stored(map, key);
        return found == MISSING ? MISSING : map.get(found);
    }

    static void put(Map<Object, Object> map, Object key, Object value) {
        RenderLimits.item(map.size());
        Object found = stored(map, key);
        map.put(found == MISSING ? key : found, value);
    }

    /** The key as it stands in the map. */
    private static Object stored(Map<?, ?> map, Object key) {
        requireHashable(key);
        if (key == null || key instanceof String) {
            return map.containsKey(key) ? key : MISSING;
        }
        for (Object candidate : map.keySet()) {
            RenderLimits.tick();
            if (!(candidate instanceof String) && candidate != null && PythonValues.equal(candidate, key)) {
                return candidate;
            }
        }
        return MISSING;
    }

    private static void requireHashable(Object key) {
        if (!isHashable(key)) {
            throw new TemplateException(PythonValues.kindOf(key) + " cannot be the key of a mapping");
        }
    }

    static boolean isHashable(Object key) {
        return isHashable(key, 0);
    }

    private static boolean isHashable(Object key, int depth) {
        RenderLimits.depth(depth);
        RenderLimits.tick();
        if (key instanceof PythonTuple tuple) {
            return tuple.stream().allMatch(element -> isHashable(element, depth + 1));
        }
        return !(key instanceof Map) && (!(key instanceof List) || key instanceof PythonRange);
    }
}

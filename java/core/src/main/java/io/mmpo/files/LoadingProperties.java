package io.mmpo.files;

import java.util.List;
import java.util.Map;

/**
 * System properties that a library reads while it is loaded. They are set for that time alone, and only where the program has not
 * set them: the process's properties are the program's.
 */
public final class LoadingProperties {
    private static final Object ONE_AT_A_TIME = new Object();

    private LoadingProperties() {}

    /** What loads a library. */
    public interface Loading<T, E extends Exception> {
        T load() throws E;
    }

    public static <T, E extends Exception> T during(Map<String, String> properties, Loading<T, E> loading) throws E {
        synchronized (ONE_AT_A_TIME) {
            List<String> unset = properties.keySet().stream()
                    .filter(name -> System.getProperty(name) == null)
                    .toList();
            try {
                unset.forEach(name -> System.setProperty(name, properties.get(name)));
                return loading.load();
            } finally {
                unset.forEach(System::clearProperty);
            }
        }
    }
}

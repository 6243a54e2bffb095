package io.mmpo.nativelib;

import java.net.URL;
import org.jspecify.annotations.Nullable;

/**
 * Resources of other jars. A class finds those of its own module alone, its loader those of all: their directories (linux-x86_64) are no
 * packages, which a module could keep to itself.
 */
final class Resources {
    private Resources() {}

    /** name: without a slash before it. */
    static @Nullable URL find(String name) {
        ClassLoader loader = Resources.class.getClassLoader();
        return loader == null ? ClassLoader.getSystemResource(name) : loader.getResource(name);
    }
}

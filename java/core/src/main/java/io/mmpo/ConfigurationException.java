package io.mmpo;

import org.jspecify.annotations.Nullable;

/** An option, a configuration key or its value has to be mended. */
public final class ConfigurationException extends MmpoException {
    private static final long serialVersionUID = 1L;

    ConfigurationException(String message, @Nullable Throwable cause) {
        super(Kind.CONFIGURATION, message, cause);
    }
}

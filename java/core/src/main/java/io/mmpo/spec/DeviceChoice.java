package io.mmpo.spec;

import java.util.Locale;

/** What a user asks for: a device, or the GPU where there is one. */
public enum DeviceChoice {
    CPU,
    CUDA,
    AUTO;

    /** As it is written in a configuration. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}

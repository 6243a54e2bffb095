package io.mmpo.nativelib;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Where a model computes. */
public enum Device {
    CPU(0),
    /** The first GPU that CUDA shows this process. */
    CUDA(1);

    private final int code;

    Device(int code) {
        this.code = code;
    }

    /** Its mmpo_device. */
    int code() {
        return code;
    }

    /**
     * What the core says of a device.
     *
     * @param isBuilt whether the native core was built for it
     * @param description one line; empty where the device cannot be used
     * @param problem why it cannot be used; empty where it can
     * @param peakBytes the most memory that LibTorch has held there so far; 0 for the CPU
     */
    public record Info(boolean isBuilt, String description, String problem, long peakBytes) {
        public boolean isUsable() {
            return problem.isEmpty();
        }
    }

    public Info describe() {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            return NativeCall.run("mmpo_device_describe", arena, call -> {
                MemorySegment info = arena.allocate(Layouts.DEVICE_INFO);
                call.check((int) Bindings.DEVICE_DESCRIBE.invokeExact(code, info, call.error()));
                return new Info(
                        info.get(JAVA_INT, Layouts.offset(Layouts.DEVICE_INFO, "is_built")) != 0,
                        info.getString(Layouts.offset(Layouts.DEVICE_INFO, "description")),
                        info.getString(Layouts.offset(Layouts.DEVICE_INFO, "problem")),
                        info.get(JAVA_LONG, Layouts.offset(Layouts.DEVICE_INFO, "peak_bytes")));
            });
        }
    }
}

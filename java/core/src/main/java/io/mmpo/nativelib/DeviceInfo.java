package io.mmpo.nativelib;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.mmpo.spec.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * What the core says of a device.
 *
 * @param isBuilt whether the native core was built for it
 * @param bf16IsFaster whether it multiplies bfloat16 in less time than float32: a CPU needs AVX512_BF16 or AMX for that
 * @param description one line; empty where the device cannot be used
 * @param problem why it cannot be used; empty where it can
 */
public record DeviceInfo(boolean isBuilt, boolean bf16IsFaster, String description, String problem) {
    public static DeviceInfo of(Device device) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            return NativeCall.run("mmpo_device_describe", arena, call -> {
                MemorySegment info = arena.allocate(Layouts.DEVICE_INFO);
                call.check((int) Bindings.DEVICE_DESCRIBE.invokeExact(Codes.of(device), info, call.error()));
                return new DeviceInfo(
                        info.get(JAVA_INT, Layouts.offset(Layouts.DEVICE_INFO, "is_built")) != 0,
                        info.get(JAVA_INT, Layouts.offset(Layouts.DEVICE_INFO, "bf16_is_faster")) != 0,
                        info.getString(Layouts.offset(Layouts.DEVICE_INFO, "description")),
                        info.getString(Layouts.offset(Layouts.DEVICE_INFO, "problem")));
            });
        }
    }

    /** The most memory that LibTorch has held there so far; 0 for the CPU, and where nothing was computed yet. */
    public static long peakBytes(Device device) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            return NativeCall.run("mmpo_device_peak_bytes", arena, call -> {
                MemorySegment bytes = arena.allocate(JAVA_LONG);
                call.check((int) Bindings.DEVICE_PEAK_BYTES.invokeExact(Codes.of(device), bytes, call.error()));
                return bytes.get(JAVA_LONG, 0);
            });
        }
    }

    /** Has it compute a product and an attention of a few rows: what fails or is wrong; empty where they are right. */
    public static Optional<String> computationProblem(Device device) {
        NativeLibrary.load();
        try (Arena arena = Arena.ofConfined()) {
            NativeCall.run("mmpo_device_check", arena, call -> {
                call.check((int) Bindings.DEVICE_CHECK.invokeExact(Codes.of(device), call.error()));
                return device;
            });
            return Optional.empty();
        } catch (NativeException e) {
            return Optional.of(e.getMessage());
        }
    }

    public boolean isUsable() {
        return problem.isEmpty();
    }

    /** What to do about a GPU that cannot be used. */
    public String mend() {
        if (!isBuilt) {
            return "Build mmpo with CUDA (mvn -Pcuda package)";
        }
        if (problem.contains("driver")) {
            return "Install NVIDIA's driver for CUDA 13 (release 580 or newer; nvidia-smi shows what is installed)";
        }
        return "Run where a GPU is visible (nvidia-smi lists them; CUDA_VISIBLE_DEVICES hides them)";
    }
}

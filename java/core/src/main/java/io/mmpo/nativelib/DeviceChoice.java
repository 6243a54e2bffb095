package io.mmpo.nativelib;

import io.mmpo.MmpoException;
import java.util.Locale;

/** What a user asks for: a device, or the GPU where there is one. */
public enum DeviceChoice {
    CPU,
    CUDA,
    AUTO;

    /**
     * The device that is taken.
     *
     * @param reason why it is this one, and the GPU not where it is not: for the line that a command begins with
     */
    public record Chosen(Device device, String reason) {}

    /** A GPU that is asked for and cannot be used is an environment's problem; it is never replaced by the CPU. */
    public Chosen resolve() {
        if (this == CPU) {
            return new Chosen(
                    Device.CPU, "device: cpu, " + Device.CPU.describe().description());
        }
        return resolve(Device.CUDA.describe(), Device.CPU.describe());
    }

    Chosen resolve(Device.Info gpu, Device.Info cpu) {
        if (gpu.isUsable()) {
            String chosen = this == AUTO ? " (auto: there is a GPU)" : "";
            return new Chosen(Device.CUDA, "device: cuda" + chosen + ", " + gpu.description());
        }
        if (this == CUDA) {
            throw MmpoException.environment(
                    "device is cuda, but no GPU can be used: %s. %s, or set device to cpu; mmpo doctor tells more.",
                    gpu.problem(), mend(gpu));
        }
        return new Chosen(
                Device.CPU,
                "device: cpu (auto: no GPU can be used: %s), %s".formatted(gpu.problem(), cpu.description()));
    }

    /** What to do about a GPU that cannot be used. */
    public static String mend(Device.Info gpu) {
        if (!gpu.isBuilt()) {
            return "Build mmpo with CUDA (mvn -Pcuda package)";
        }
        if (gpu.problem().contains("driver")) {
            return "Install NVIDIA's driver for CUDA 13 (release 580 or newer; nvidia-smi shows what is installed)";
        }
        return "Run where a GPU is visible (nvidia-smi lists them; CUDA_VISIBLE_DEVICES hides them)";
    }

    /** As it is written in a configuration. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}

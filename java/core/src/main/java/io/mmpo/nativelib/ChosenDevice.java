package io.mmpo.nativelib;

import io.mmpo.MmpoException;
import io.mmpo.spec.Device;
import io.mmpo.spec.DeviceChoice;

/**
 * The device that a choice comes to on this machine.
 *
 * @param bf16IsFaster as in {@link DeviceInfo}
 * @param reason why it is this one, and the GPU not where it is not: for the line that a command begins with
 */
public record ChosenDevice(Device device, boolean bf16IsFaster, String reason) {
    /** A GPU that is asked for and cannot be used is an environment's problem; it is never replaced by the CPU. */
    public static ChosenDevice of(DeviceChoice choice) {
        if (choice == DeviceChoice.CPU) {
            DeviceInfo cpu = DeviceInfo.of(Device.CPU);
            return new ChosenDevice(Device.CPU, cpu.bf16IsFaster(), "device: cpu, " + cpu.description());
        }
        return of(choice, DeviceInfo.of(Device.CUDA), DeviceInfo.of(Device.CPU));
    }

    static ChosenDevice of(DeviceChoice choice, DeviceInfo gpu, DeviceInfo cpu) {
        if (gpu.isUsable()) {
            String chosen = choice == DeviceChoice.AUTO ? " (auto: there is a GPU)" : "";
            return new ChosenDevice(
                    Device.CUDA, gpu.bf16IsFaster(), "device: cuda" + chosen + ", " + gpu.description());
        }
        if (choice == DeviceChoice.CUDA) {
            throw MmpoException.environment(
                    "device is cuda, but no GPU can be used: %s. %s, or set device to cpu; mmpo doctor tells more.",
                    gpu.problem(), gpu.mend());
        }
        return new ChosenDevice(
                Device.CPU,
                cpu.bf16IsFaster(),
                "device: cpu (auto: no GPU can be used: %s), %s".formatted(gpu.problem(), cpu.description()));
    }

    /** How a model in float32 computes here, for the same line. bf16Option: how bfloat16 is asked for, which is named where it is faster. */
    public String float32(String bf16Option) {
        return bf16IsFaster ? "float32 (%s computes in bfloat16, faster)".formatted(bf16Option) : "float32";
    }

    /** The same of one in bfloat16, which the given words tell of. */
    public String bfloat16(String words) {
        return bf16IsFaster
                ? words
                : words
                        + " (this processor multiplies bfloat16 as float32: half the memory for weights, and no faster)";
    }
}

package io.mmpo.nativelib;

import io.mmpo.MmpoException;
import io.mmpo.spec.Device;
import io.mmpo.spec.DeviceChoice;

/**
 * The device that a choice comes to on this machine.
 *
 * @param reason why it is this one, and the GPU not where it is not: for the line that a command begins with
 */
public record ChosenDevice(Device device, String reason) {
    /** A GPU that is asked for and cannot be used is an environment's problem; it is never replaced by the CPU. */
    public static ChosenDevice of(DeviceChoice choice) {
        if (choice == DeviceChoice.CPU) {
            return new ChosenDevice(
                    Device.CPU, "device: cpu, " + DeviceInfo.of(Device.CPU).description());
        }
        return of(choice, DeviceInfo.of(Device.CUDA), DeviceInfo.of(Device.CPU));
    }

    static ChosenDevice of(DeviceChoice choice, DeviceInfo gpu, DeviceInfo cpu) {
        if (gpu.isUsable()) {
            String chosen = choice == DeviceChoice.AUTO ? " (auto: there is a GPU)" : "";
            return new ChosenDevice(Device.CUDA, "device: cuda" + chosen + ", " + gpu.description());
        }
        if (choice == DeviceChoice.CUDA) {
            throw MmpoException.environment(
                    "device is cuda, but no GPU can be used: %s. %s, or set device to cpu; mmpo doctor tells more.",
                    gpu.problem(), gpu.mend());
        }
        return new ChosenDevice(
                Device.CPU,
                "device: cpu (auto: no GPU can be used: %s), %s".formatted(gpu.problem(), cpu.description()));
    }
}

package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.spec.Device;
import io.mmpo.spec.DeviceChoice;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChosenDeviceTest {
    private static final DeviceInfo CPU = new DeviceInfo(true, false, "AVX512", "");
    private static final DeviceInfo GPU = new DeviceInfo(true, true, "NVIDIA H100, 79 GiB", "");

    private static DeviceInfo missing(boolean built, String problem) {
        return new DeviceInfo(built, false, "", problem);
    }

    @Test
    void autoTakesAGpuThatCanBeUsedAndSaysSo() {
        assertThat(ChosenDevice.of(DeviceChoice.AUTO, GPU, CPU))
                .isEqualTo(new ChosenDevice(
                        Device.CUDA, true, "device: cuda (auto: there is a GPU), NVIDIA H100, 79 GiB"));
    }

    @Test
    void autoSaysWhyItTakesTheCpu() {
        assertThat(ChosenDevice.of(DeviceChoice.AUTO, missing(true, "no CUDA-capable device is detected"), CPU))
                .isEqualTo(new ChosenDevice(
                        Device.CPU,
                        false,
                        "device: cpu (auto: no GPU can be used: no CUDA-capable device is detected), AVX512"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "false | this build has no CUDA side | mvn -Pcuda package",
                "true | CUDA driver version is insufficient for CUDA runtime version | nvidia-smi",
                "true | no CUDA-capable device is detected | CUDA_VISIBLE_DEVICES"
            })
    void cudaIsNeverReplacedByTheCpu(boolean built, String problem, String mend) {
        assertThatThrownBy(() -> ChosenDevice.of(DeviceChoice.CUDA, missing(built, problem), CPU))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.ENVIRONMENT))
                .hasMessageContainingAll("device is cuda", problem, mend, "set device to cpu");
    }

    @Test
    void bfloat16IsAdvisedOnlyWhereItIsFaster() {
        ChosenDevice gpu = ChosenDevice.of(DeviceChoice.AUTO, GPU, CPU);
        ChosenDevice cpu = ChosenDevice.of(DeviceChoice.AUTO, missing(true, "none"), CPU);
        assertThat(gpu.float32("--bf16")).isEqualTo("float32 (--bf16 computes in bfloat16, faster)");
        assertThat(gpu.bfloat16("bfloat16")).isEqualTo("bfloat16");
        assertThat(cpu.float32("--bf16")).isEqualTo("float32");
        assertThat(cpu.bfloat16("bfloat16")).startsWith("bfloat16 (").contains("no faster");
    }

    @Test
    void theCpuIsAlwaysThere() {
        assertThat(DeviceInfo.of(Device.CPU).isUsable()).isTrue();
        assertThat(ChosenDevice.of(DeviceChoice.CPU).device()).isEqualTo(Device.CPU);
    }

    @Test
    void theCoreSaysWhetherItWasBuiltForCuda() {
        DeviceInfo gpu = DeviceInfo.of(Device.CUDA);
        assertThat(NativeLibrary.buildInfo()).contains(gpu.isBuilt() ? "with CUDA" : "without CUDA");
        assertThat(gpu.isUsable()).isEqualTo(!gpu.description().isEmpty());
    }

    @Test
    void aDeviceIsAskedWhatItComputesAndHolds() {
        assertThat(DeviceInfo.computationProblem(Device.CPU)).isEmpty();
        assertThat(DeviceInfo.peakBytes(Device.CPU)).isZero();
        DeviceInfo gpu = DeviceInfo.of(Device.CUDA);
        if (!gpu.isUsable()) {
            assertThat(DeviceInfo.computationProblem(Device.CUDA))
                    .hasValueSatisfying(problem -> assertThat(problem).contains(gpu.problem()));
            assertThat(DeviceInfo.peakBytes(Device.CUDA)).isZero();
        }
    }
}

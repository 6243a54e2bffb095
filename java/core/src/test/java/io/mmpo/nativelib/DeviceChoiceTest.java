package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeviceChoiceTest {
    private static final Device.Info CPU = new Device.Info(true, "AVX512", "", 0);
    private static final Device.Info GPU = new Device.Info(true, "NVIDIA H100, 79 GiB", "", 0);

    private static Device.Info missing(boolean built, String problem) {
        return new Device.Info(built, "", problem, 0);
    }

    @Test
    void autoTakesAGpuThatCanBeUsedAndSaysSo() {
        assertThat(DeviceChoice.AUTO.resolve(GPU, CPU))
                .isEqualTo(new DeviceChoice.Chosen(
                        Device.CUDA, "device: cuda (auto: there is a GPU), NVIDIA H100, 79 GiB"));
    }

    @Test
    void autoSaysWhyItTakesTheCpu() {
        assertThat(DeviceChoice.AUTO.resolve(missing(true, "no CUDA-capable device is detected"), CPU))
                .isEqualTo(new DeviceChoice.Chosen(
                        Device.CPU,
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
        assertThatThrownBy(() -> DeviceChoice.CUDA.resolve(missing(built, problem), CPU))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.ENVIRONMENT))
                .hasMessageContainingAll("device is cuda", problem, mend, "set device to cpu");
    }

    @Test
    void theCpuIsAlwaysThere() {
        assertThat(Device.CPU.describe().isUsable()).isTrue();
        assertThat(DeviceChoice.CPU.resolve().device()).isEqualTo(Device.CPU);
    }

    @Test
    void theCoreSaysWhetherItWasBuiltForCuda() {
        Device.Info gpu = Device.CUDA.describe();
        assertThat(NativeLibrary.buildInfo()).contains(gpu.isBuilt() ? "with CUDA" : "without CUDA");
        assertThat(gpu.isUsable()).isEqualTo(!gpu.description().isEmpty());
    }
}

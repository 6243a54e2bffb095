package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.nativelib.DeviceInfo;
import io.mmpo.spec.Device;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DoctorCommandTest {
    @Test
    void findsWhatARunNeeds() {
        String report = Cli.run("doctor").succeeds().out();
        assertThat(report)
                .contains(
                        "ok     JDK: 25",
                        "ok     Native core: ",
                        "ok     Threads: ",
                        "ok     Memory: ",
                        "ok     Cache: ");
        assertThat(report).doesNotContain("WRONG");
    }

    @Test
    void aGpuThatComputesWronglyIsSaid() {
        String problem = "attention in bfloat16 failed: USE_FLASH_ATTENTION was not enabled for build.";
        assertThat(gpuReport(new DeviceInfo(true, true, "NVIDIA H100", ""), Optional.of(problem)))
                .contains("ok     GPU: NVIDIA H100", "WRONG  GPU's products and attention: " + problem, "device: cpu");
    }

    @Test
    void aGpuThatComputesIsSaid() {
        assertThat(gpuReport(new DeviceInfo(true, true, "NVIDIA H100", ""), Optional.empty()))
                .contains("ok     GPU: NVIDIA H100", "ok     GPU's products and attention: right")
                .doesNotContain("WRONG");
    }

    @Test
    void whereThereIsNoGpuNothingIsComputedOnOne() {
        StringWriter text = new StringWriter();
        new DoctorCommand().checkGpu(new PrintWriter(text), new DeviceInfo(false, false, "", "no CUDA side"), () -> {
            throw new AssertionError("asked a GPU that is not there");
        });
        assertThat(text.toString()).contains("ok     GPU: none can be used: no CUDA side");
    }

    /** Of a GPU that only seems to be there the core itself must say that it cannot compute. */
    @Test
    void itIsTheCoreThatHasTheGpuCompute() {
        DeviceInfo real = DeviceInfo.of(Device.CUDA);
        StringWriter text = new StringWriter();
        new DoctorCommand().checkGpu(new PrintWriter(text), new DeviceInfo(true, true, "NVIDIA H100", ""));
        assertThat(text.toString())
                .contains(
                        real.isUsable()
                                ? "ok     GPU's products and attention: right"
                                : "WRONG  GPU's products and attention: a CUDA device is wanted, but "
                                        + real.problem());
    }

    private static String gpuReport(DeviceInfo gpu, Optional<String> problem) {
        StringWriter text = new StringWriter();
        new DoctorCommand().checkGpu(new PrintWriter(text), gpu, () -> problem);
        return text.toString();
    }
}

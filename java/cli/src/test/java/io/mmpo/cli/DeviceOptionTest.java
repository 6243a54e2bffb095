package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.mmpo.nativelib.DeviceInfo;
import io.mmpo.spec.Device;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said of the device, and that a GPU that is asked for is never replaced. */
class DeviceOptionTest {
    @TempDir
    Path directory;

    private static Path model() {
        return SharedFiles.path("golden/tiny_llama/tied");
    }

    @Test
    void aMissingGpuIsAnEnvironmentsProblemOfEveryCommand() {
        DeviceInfo gpu = DeviceInfo.of(Device.CUDA);
        assumeFalse(gpu.isUsable(), "there is a GPU");
        Path output = directory.resolve("out.jsonl");
        Cli.run("logprobs", "--model", model(), "--data", output, "--output", output, "--device", "cuda")
                .failsWith(ExitCode.ENVIRONMENT, "device is cuda", gpu.problem(), "set device to cpu");
        Cli.run("generate", "--model", model(), "--prompt", "x", "--device", "cuda")
                .failsWith(ExitCode.ENVIRONMENT, "device is cuda", gpu.problem());
        assertThat(output).doesNotExist();
    }

    @Test
    void anUnknownDeviceIsAUsageErrorThatNamesTheKnownOnes() {
        Cli run = Cli.run("generate", "--model", model(), "--prompt", "x", "--device", "tpu");
        assertThat(run.exitCode()).isEqualTo(ExitCode.CONFIGURATION);
        assertThat(run.err()).contains("tpu").containsIgnoringCase("cuda");
    }

    @Test
    void doctorSaysWhatIsMissingForAGpu() {
        DeviceInfo gpu = DeviceInfo.of(Device.CUDA);
        assertThat(Cli.run("doctor").out())
                .contains(gpu.isUsable() ? "GPU: " + gpu.description() : "GPU: none can be used: " + gpu.problem());
    }
}

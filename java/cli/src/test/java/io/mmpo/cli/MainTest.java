package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {
    @Test
    void aNameThatCannotBeOneIsToldOf() {
        Cli.run("train", "a\0b").failsWith(ExitCode.CONFIGURATION, "'a\\u0000b' cannot be the name of a file");
        Cli.run("train", "").failsWith(ExitCode.CONFIGURATION, "a path is wanted, and the text is empty");
    }

    /** /dev/full: a device that no byte fits on. */
    @Test
    void outputThatIsLostIsAnErrorAndAReaderThatHasEnoughIsNone() throws Exception {
        Process full = CliProcess.prepare(Map.of(), "help", "cli")
                .redirectOutput(new File("/dev/full"))
                .start();
        String err = new String(full.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(full.waitFor()).as(err).isEqualTo(ExitCode.ENVIRONMENT);
        assertThat(err).startsWith("mmpo: Standard output could not be written: No space left on device. ");

        Process read = CliProcess.prepare(Map.of(), "help", "cli").start();
        read.getInputStream().close();
        assertThat(new String(read.getErrorStream().readAllBytes(), StandardCharsets.UTF_8))
                .isEmpty();
        assertThat(read.waitFor()).isZero();
    }

    @Test
    void saysItsVersion() {
        assertThat(Cli.run("--version").succeeds().out()).matches("mmpo \\d+\\.\\d+\\.\\d+ \\(JDK .+\\)\\R");
    }

    @ParameterizedTest
    @ValueSource(strings = {"train", "logprobs", "generate", "inspect-data", "doctor"})
    void everyCommandHasHelp(String command) {
        assertThat(Cli.run("--help").succeeds().out()).contains(command);
        assertThat(Cli.run(command, "--help").succeeds().out()).contains("Usage: mmpo " + command);
    }

    @Test
    void usageErrorsAreOneParagraphAndExitCode2() {
        Cli.run().failsWith(ExitCode.CONFIGURATION, "A command is wanted", "Try: mmpo --help");
        Cli.run("trian").failsWith(ExitCode.CONFIGURATION, "trian");
        Cli.run("train").failsWith(ExitCode.CONFIGURATION, "CONFIG.yaml", "Try: mmpo train --help");
        for (String asInTrl : List.of("--config c.yaml", "c.yaml --learning_rate 1e-6", "c.yaml --beta=2")) {
            Cli.run((Object[]) ("train " + asInTrl).split(" "))
                    .failsWith(ExitCode.CONFIGURATION, "keys are given without dashes: CONFIG.yaml learning_rate=1e-6");
        }
        Cli.run("generate", "--model", "m", "--prompt", "p", "--colour").failsWith(ExitCode.CONFIGURATION, "--colour");
        Cli.run("generate", "--model", "m").failsWith(ExitCode.CONFIGURATION, "--prompt or --data");
        Cli.run("generate", "--model", "m", "--prompt", "p", "--top-p", "2")
                .failsWith(ExitCode.CONFIGURATION, "(0, 1], got 2.0");
    }
}

package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

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
}

package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;

/** docs/cli.md and the declarations of the commands say the same. */
class CommandPageTest {
    @Test
    void thePageIsWhatTheDeclarationsGive() throws IOException {
        String expected = CommandPage.expected();
        if ("1".equals(System.getenv("MMPO_WRITE_PAGES"))) {
            Files.writeString(CommandPage.PATH, expected);
        }
        assertThat(Files.readString(CommandPage.PATH))
                .as("run this test with MMPO_WRITE_PAGES=1 in the environment, and the page is written")
                .isEqualTo(expected);
    }

    /** A declaration that a table would break, or that says nothing, is none. */
    @Test
    void everyOptionHasASentence() {
        for (CommandLine command : ManPages.all(Main.commandLine())) {
            for (ArgSpec argument : command.getCommandSpec().args()) {
                assertThat(ManPages.description(argument.description()))
                        .as("%s of %s", argument, command.getCommandSpec().qualifiedName())
                        .endsWith(".")
                        .doesNotContain("|", "\n", "${");
            }
        }
    }
}

package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.MmpoException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.InvalidPathException;
import org.junit.jupiter.api.Test;

class ErrorReportTest {
    private final StringWriter err = new StringWriter();

    @Test
    void everyKindHasItsExitCode() {
        assertThat(report(MmpoException.configuration("a"), false)).isEqualTo(2);
        assertThat(report(MmpoException.data("a"), false)).isEqualTo(3);
        assertThat(report(MmpoException.environment("a"), false)).isEqualTo(4);
        assertThat(report(MmpoException.training("a"), false)).isEqualTo(5);
        assertThat(err.toString()).isEqualTo("mmpo: a\n".repeat(4));
    }

    @Test
    void anUnexpectedExceptionIsABugInOneParagraph() {
        assertThat(report(new IllegalStateException("first\n  second"), false)).isEqualTo(1);
        assertThat(err.toString())
                .isEqualTo(
                        "mmpo: This is a bug in mmpo: java.lang.IllegalStateException: first second. Please report it with what the same"
                                + " command prints with --debug.\n");
    }

    @Test
    void aFullHeapNamesTheOptionThatMendsIt() {
        assertThat(report(new OutOfMemoryError("Java heap space"), false)).isEqualTo(4);
        assertThat(err.toString()).contains("MMPO_JAVA_OPTS=-Xmx8g");
    }

    @Test
    void theStackTraceComesWithDebugOnly() {
        report(MmpoException.data("wrong"), true);
        assertThat(err.toString()).startsWith("mmpo: wrong\n").contains("\tat io.mmpo.cli.ErrorReportTest");
    }

    @Test
    void controlCharactersOfDataAndNamesArePrintedAsEscapes() {
        report(MmpoException.data("no file \u001b[31mred\u202egnp.exe"), true);
        assertThat(err.toString())
                .startsWith("mmpo: no file \\u001b[31mred\\u202egnp.exe\n")
                .contains("\tat ")
                .doesNotContain("\u001b", "\u202e");
    }

    @Test
    void aNameThatNoFileCanHaveIsTheUsersToCorrect() {
        assertThat(report(new InvalidPathException("a\0b", "Nul character not allowed"), false))
                .isEqualTo(2);
        assertThat(err.toString()).contains("'a\\u0000b' cannot be the name of a file: Nul character not allowed");
    }

    @Test
    void aFileThatCannotBeReadInAWalkIsTheEnvironments() {
        assertThat(report(new UncheckedIOException(new AccessDeniedException("/secret")), false))
                .isEqualTo(4);
        assertThat(err.toString()).isEqualTo("mmpo: A file cannot be used: permission denied for /secret.\n");
    }

    private int report(Throwable e, boolean debug) {
        return ErrorReport.report(e, new PrintWriter(err, true), debug);
    }
}

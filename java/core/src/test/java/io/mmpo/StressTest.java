package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A server trains for months: what a run holds is given back, and runs beside each other do not disturb each other. */
@Timeout(180)
class StressTest {
    private static final Pattern HELD =
            Pattern.compile("(warm|end) Held\\[residentMiB=(\\d+), descriptors=(\\d+), threads=(\\d+)]");

    /** The model's weights alone are 1 MiB, so that 160 runs which each lost no more than them would be seen. */
    private static final long NOISE_MIB = 48;

    @TempDir
    Path directory;

    @Test
    void runsOnEightThreadsLeaveNothingAndGiveTheBitsThatEachGivesAlone() throws IOException, InterruptedException {
        Path model = ChattingModel.copyTo(Files.createDirectory(directory.resolve("model")));
        Application.Ended ended = Application.run(
                directory,
                Map.of(
                        "MALLOC_ARENA_MAX",
                        "1"), // else the C library keeps free memory for each thread, in other pieces each time
                "-Xms96m",
                "-Xmx96m",
                "-XX:+AlwaysPreTouch",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                Application.classPath() + File.pathSeparator + BuiltLibrary.testClasses(),
                StressProgram.class.getName(),
                model.toString(),
                "40",
                "200");
        assertThat(ended.status()).as(ended.text()).isZero();
        Matcher held = HELD.matcher(ended.text());
        assertThat(held.find()).as(ended.text()).isTrue();
        long[] warm = numbers(held);
        assertThat(held.find()).as(ended.text()).isTrue();
        long[] end = numbers(held);
        assertThat(end[0]).as(ended.text()).isLessThan(warm[0] + NOISE_MIB);
        assertThat(end[1]).as(ended.text()).isLessThanOrEqualTo(warm[1] + 2);
        assertThat(end[2]).as(ended.text()).isLessThanOrEqualTo(warm[2] + 8);
    }

    private static long[] numbers(Matcher held) {
        return new long[] {Long.parseLong(held.group(2)), Long.parseLong(held.group(3)), Long.parseLong(held.group(4))};
    }
}

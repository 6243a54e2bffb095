package io.mmpo.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

class UserHomeTest {
    private static final Path OF_THE_SYSTEM = Path.of(System.getProperty("user.home"));

    /** A container's user often has no entry in the system's list, or one that does not exist. */
    @Test
    void isWhereHomePoints() {
        assertThat(UserHome.directory(Map.of("HOME", "/h"))).isEqualTo(Path.of("/h"));
        assertThat(UserHome.directory(Map.of())).isEqualTo(OF_THE_SYSTEM);
        assertThat(UserHome.directory(Map.of("HOME", ""))).isEqualTo(OF_THE_SYSTEM);
        assertThat(UserHome.directory(Map.of("HOME", "h"))).isEqualTo(OF_THE_SYSTEM);
        assertThat(UserCache.directory(Map.of("HOME", "/h"))).isEqualTo(Path.of("/h/.cache/mmpo"));
    }

    @Test
    void aTildeAloneAndBeforeASlashIsIt() {
        Map<String, String> environment = Map.of("HOME", "/h");
        assertThat(UserHome.expand("~", environment)).isEqualTo("/h");
        assertThat(UserHome.expand("~/runs/a b", environment)).isEqualTo("/h/runs/a b");
        for (String other : new String[] {"", "a/~", "./~", "~other/runs", "/~"}) {
            assertThat(UserHome.expand(other, environment)).isEqualTo(other);
        }
    }
}

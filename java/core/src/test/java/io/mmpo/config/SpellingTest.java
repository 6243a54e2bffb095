package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class SpellingTest {
    @Test
    void countsEdits() {
        assertThat(Spelling.distance("kitten", "sitting")).isEqualTo(3);
        assertThat(Spelling.distance("", "abc")).isEqualTo(3);
    }

    @Test
    void suggestsOnlyWhatIsNear() {
        assertThat(Spelling.nearest("learning_rat", List.of("seed", "learning_rate")))
                .contains("learning_rate");
        assertThat(Spelling.nearest("xyz", List.of("seed", "beta"))).isEmpty();
    }
}

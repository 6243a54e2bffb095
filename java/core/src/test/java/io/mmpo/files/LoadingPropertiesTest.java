package io.mmpo.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LoadingPropertiesTest {
    private static final String OWN = "io.mmpo.test.own";
    private static final String OURS = "io.mmpo.test.ours";

    @AfterEach
    void clear() {
        System.clearProperty(OWN);
    }

    @Test
    void theyAreSetForTheTimeAndWhatTheProgramHasSetStays() {
        System.setProperty(OWN, "own");
        String seen = LoadingProperties.during(
                Map.of(OWN, "other", OURS, "ours"), () -> System.getProperty(OWN) + " " + System.getProperty(OURS));
        assertThat(seen).isEqualTo("own ours");
        assertThat(System.getProperty(OWN)).isEqualTo("own");
        assertThat(System.getProperty(OURS)).isNull();
    }

    @Test
    void theyAreTakenBackWhereLoadingFails() {
        assertThatThrownBy(() -> LoadingProperties.during(Map.of(OURS, "ours"), () -> {
                    throw new IOException("no");
                }))
                .isInstanceOf(IOException.class);
        assertThat(System.getProperty(OURS)).isNull();
    }
}

package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.spec.TrackerKind;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** report_to: TRL's words. */
class ReportToTest {
    private static RunOptions of(Object value) {
        return TrainingConfig.of(Map.of("model_name_or_path", "m", "dataset_name", "d", "report_to", value))
                .run();
    }

    private static List<TrackerKind> kinds(Object value, boolean isNamed) {
        RunOptions run = of(value);
        return Arrays.stream(TrackerKind.values())
                .filter(kind -> run.reportsTo(kind, isNamed || kind == TrackerKind.TENSORBOARD))
                .toList();
    }

    @Test
    void namesTrackers() {
        assertThat(kinds("none", true)).isEmpty();
        assertThat(kinds(List.of(), true)).isEmpty();
        assertThat(kinds("tensorboard", true)).containsExactly(TrackerKind.TENSORBOARD);
        assertThat(kinds(List.of("mlflow", "tensorboard"), false)).containsExactly(TrackerKind.values());
        assertThat(kinds("all", true)).containsExactly(TrackerKind.values());
        assertThat(kinds("all", false)).containsExactly(TrackerKind.TENSORBOARD);
    }

    @ParameterizedTest
    @ValueSource(strings = {"comet_ml", "trackio", "none,tensorboard", "all,mlflow"})
    void refusesOthers(String value) {
        assertThatThrownBy(() -> of(value)).hasMessageStartingWith("report_to must be none");
    }

    @Test
    void isWrittenAsItIsRead() {
        for (Object value : List.of("none", "all", "tensorboard", List.of("tensorboard", "mlflow"))) {
            TrainingConfig config =
                    TrainingConfig.of(Map.of("model_name_or_path", "m", "dataset_name", "d", "report_to", value));
            assertThat(config.toYaml()).contains("report_to:");
            assertThat(kinds(value, true))
                    .isEqualTo(kinds(config.run().values().toYaml().get("report_to"), true));
        }
    }
}

package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.spec.LossType;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What one declaration says, and where it is heard. */
class ConfigKeyTest {
    private static final Section SECTION = new Section("Examples");

    private static final ConfigKey<Double> SCALE = SECTION.key("scale", ValueTypes.NUMBER)
            .alsoCalled("factor")
            .unset("0.5")
            .unset(LossType.SFT, "1")
            .must(scale -> scale > 0, "must be > 0")
            .must(scale -> scale < 10, "must be < 10")
            .means("A scale.");

    private static final ConfigKey<Optional<StepCount>> PAUSE = SECTION.key("pause", ValueTypes.OPTIONAL_STEPS)
            .effective(v -> v.get(SCALE) > 1, v -> "on a scale of " + v.get(SCALE))
            .mayChangeOnResuming()
            .means("A pause.");

    private static final ConfigKey<String> PLACE =
            SECTION.key("place", ValueTypes.TEXT).means("A place.");

    @Test
    void aSectionKeepsItsKeysInOrder() {
        assertThat(SECTION.keys()).containsExactly(SCALE, PAUSE, PLACE);
        assertThat(List.of(SCALE.otherNames(), PAUSE.otherNames())).containsExactly(List.of("factor"), List.of());
        assertThat(List.of(SCALE.mayChangeOnResuming(), PAUSE.mayChangeOnResuming()))
                .containsExactly(false, true);
    }

    @Test
    void theDefaultIsPrintedAsAFileWouldHaveIt() {
        assertThat(SCALE.documentedDefault()).isEqualTo("`0.5`; sft: `1`");
        assertThat(PAUSE.documentedDefault()).isEqualTo("unset");
        assertThat(PLACE.documentedDefault()).isEqualTo("required");
        assertThat(SCALE.fallbackFor(LossType.SFT)).isEqualTo("1");
        assertThat(SCALE.fallbackFor(LossType.DPO)).isEqualTo("0.5");
        assertThat(PLACE.fallbackFor(LossType.DPO)).isNull();
    }

    @Test
    void everyCheckThatFailsIsToldWithTheValue() {
        assertThat(SCALE.refusals(2.0)).isEmpty();
        assertThat(SCALE.refusals(-1.0)).containsExactly("scale must be > 0, got -1");
        assertThat(SCALE.refusals(Double.NaN)).hasSize(2);
    }

    @Test
    void whereAKeyHasNoEffectItSaysSo() {
        Settings small = Settings.none().with(SCALE, 0.5);
        assertThat(PAUSE.noEffect(small)).contains("on a scale of 0.5");
        assertThat(PAUSE.noEffect(small.with(SCALE, 2.0))).isEmpty();
        assertThat(SCALE.noEffect(small)).isEmpty();
    }

    @Test
    void settingsAreTypedAndEqualByValue() {
        Settings settings = Settings.none().with(SCALE, 2.0).with(PAUSE, Optional.of(new StepCount(3)));
        double scale = settings.get(SCALE);
        assertThat(scale).isEqualTo(2);
        assertThat(settings.toYaml()).containsExactly(Map.entry("scale", 2.0), Map.entry("pause", 3L));
        assertThat(settings)
                .isEqualTo(Settings.none()
                        .with(PAUSE, Optional.of(new StepCount(3)))
                        .with(SCALE, 2.0));
        assertThat(settings).isNotEqualTo(settings.with(SCALE, 2.5));
        assertThatThrownBy(() -> settings.get(PLACE)).hasMessage("place");
    }
}

package io.mmpo.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LoraSettingsTest {
    private static final Set<LoraModule> ATTENTION = EnumSet.range(LoraModule.Q, LoraModule.O);
    private static final Set<LoraModule> ALL = EnumSet.allOf(LoraModule.class);

    /** Llama-3-8B with r 64: what get_nb_trainable_parameters of PEFT 0.21.2 says on a meta device. */
    @Test
    void countsAsPeftDoesForLlama8B() {
        ModelShape llama8B = shape(128256, 4096, 14336, 32, 32, 8, 128);
        assertThat(settings(32, 64, ATTENTION).numParameters(llama8B)).isEqualTo(54_525_952);
        assertThat(settings(32, 64, ALL).numParameters(llama8B)).isEqualTo(167_772_160);
    }

    /** By hand: two layers, r 3; q 8 to 12, k and v 8 to 4, o 12 to 8, gate and up 8 to 20, down 20 to 8. */
    @Test
    void countsByHand() {
        ModelShape tiny = shape(50, 8, 20, 2, 3, 1, 4);
        assertThat(settings(2, 3, Set.of(LoraModule.Q, LoraModule.K)).numParameters(tiny))
                .isEqualTo(2 * 3 * ((8 + 12) + (8 + 4)));
        assertThat(settings(2, 3, ALL).numParameters(tiny))
                .isEqualTo(2 * 3 * ((8 + 12) + 2 * (8 + 4) + (12 + 8) + 3 * (8 + 20)));
    }

    @Test
    void refusesWhatTheCoreCouldNotUse() {
        assertThatThrownBy(() -> settings(1, 0, ALL))
                .hasMessage("the rank r of an adapter must be in [1, 65536], got 0");
        assertThatThrownBy(() -> settings(1, 1, Set.of())).hasMessage("an adapter needs at least one target module");
        assertThatThrownBy(() -> LoraSettings.everywhere(1, 1, 0, 0, 0, ALL))
                .hasMessage("an adapter's scaling must be > 0, got 0.0");
        assertThatThrownBy(() -> LoraSettings.everywhere(1, 1, 1, 1, 0, ALL))
                .hasMessage("lora_dropout must be in [0, 1), got 1.0");
        List<LoraTarget> one = List.of(new LoraTarget(0, LoraModule.Q, 1, 1));
        assertThatThrownBy(() -> new LoraSettings(one, Set.of(WholeMatrix.TIED, WholeMatrix.HEAD), 0, 0))
                .hasMessageContaining("a tied matrix is both");
    }

    /** By hand: q 8 to 12 with r 3 in layer 1, down 20 to 8 with r 2 in both, and two matrices of 50 by 8. */
    @Test
    void countsModulesOfTheirOwnRanksAndWholeMatrices() {
        ModelShape tiny = shape(50, 8, 20, 2, 3, 1, 4);
        List<LoraTarget> targets = List.of(
                new LoraTarget(1, LoraModule.Q, 3, 1),
                new LoraTarget(0, LoraModule.DOWN, 2, 1),
                new LoraTarget(1, LoraModule.DOWN, 2, 4));
        LoraSettings lora = new LoraSettings(targets, Set.of(WholeMatrix.EMBEDDING, WholeMatrix.HEAD), 0, 0);
        assertThat(lora.numLoraParameters(tiny)).isEqualTo(3 * (8 + 12) + 2 * 2 * (20 + 8));
        assertThat(lora.numParameters(tiny)).isEqualTo(lora.numLoraParameters(tiny) + 2 * 50 * 8);
        assertThat(lora.lowColumns()).isEqualTo(5);
    }

    private static LoraSettings settings(long numLayers, int rank, Set<LoraModule> targets) {
        return LoraSettings.everywhere(numLayers, rank, 2, 0, 0, targets);
    }

    private static ModelShape shape(
            long vocabulary, long hidden, long intermediate, long layers, long heads, long kvHeads, long headDim) {
        return new ModelShape(
                vocabulary,
                hidden,
                intermediate,
                layers,
                heads,
                kvHeads,
                headDim,
                8192,
                1e-5,
                500000,
                Optional.empty(),
                false,
                false,
                false,
                AttentionStyle.LLAMA);
    }
}

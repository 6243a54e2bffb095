package io.mmpo.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** The records that cross into the core refuse what it could not use. */
class SettingsTest {
    @Test
    void objective() {
        assertThatThrownBy(() -> objective(LossType.DPO, 0, 1, 0, 1)).hasMessage("beta must be > 0, got 0.0");
        assertThatThrownBy(() -> objective(LossType.MMPO, Double.NaN, 1, 0, 1)).hasMessage("beta must be > 0, got NaN");
        assertThatCode(() -> objective(LossType.SFT, 0, 1, 0, 1)).doesNotThrowAnyException();
        assertThatThrownBy(() -> objective(LossType.MMPO, 0.1, -1, 0, 1))
                .hasMessage("mmpo_aux_weight must be >= 0, got -1.0");
        assertThatThrownBy(() -> objective(LossType.DPO, 0.1, 1, 0.5, 1))
                .hasMessage("label_smoothing must be in [0, 0.5), got 0.5");
        assertThatThrownBy(() -> objective(LossType.DPO, 0.1, 1, 0, 0)).hasMessage("scale must be > 0, got 0.0");
        assertThatThrownBy(() -> new Objective(List.of(), Objective.Coefficients.ofBeta(0.1), 1, true))
                .hasMessage("an objective has 1 to 8 losses, got 0");
        assertThatThrownBy(() -> new LossTerm(LossType.IPO, Double.NaN))
                .hasMessage("a loss's weight must be finite, got NaN");
    }

    private static Objective objective(
            LossType loss, double beta, double auxWeight, double labelSmoothing, double scale) {
        return Objective.of(
                loss,
                new Objective.Coefficients(
                        beta,
                        0.9,
                        auxWeight,
                        labelSmoothing,
                        1,
                        0.05,
                        Divergence.REVERSE_KL,
                        0.5,
                        false,
                        false,
                        true,
                        1,
                        0,
                        false,
                        0),
                scale);
    }

    @Test
    void optimizer() {
        assertThatThrownBy(() -> new OptimizerSettings(OptimizerType.ADAMW, 1, 0.999, 1e-8, 0, Recompute.NONE, true))
                .hasMessage("adam_beta1 must be in [0, 1), got 1.0");
        assertThatThrownBy(() -> new OptimizerSettings(OptimizerType.ADAMW, 0.9, -0.1, 1e-8, 0, Recompute.NONE, true))
                .hasMessage("adam_beta2 must be in [0, 1), got -0.1");
        assertThatThrownBy(() -> new OptimizerSettings(OptimizerType.ADAMW, 0.9, 0.999, 0, 0, Recompute.NONE, true))
                .hasMessage("adam_epsilon must be > 0, got 0.0");
        assertThatThrownBy(() -> new OptimizerSettings(OptimizerType.ADAMW, 0.9, 0.999, 1e-8, -1, Recompute.NONE, true))
                .hasMessage("weight_decay must be >= 0, got -1.0");
    }

    @Test
    void sampling() {
        assertThatThrownBy(() -> new Sampling(-1, 1, 0, 0, 1)).hasMessage("temperature must be >= 0, got -1.0");
        assertThatThrownBy(() -> new Sampling(0, 0, 0, 0, 1)).hasMessage("top_p must be in (0, 1], got 0.0");
        assertThatThrownBy(() -> new Sampling(0, 1, -1, 0, 1)).hasMessage("top_k must be >= 0, got -1");
        assertThatThrownBy(() -> new Sampling(0, 1, 0, 0, 0)).hasMessage("max_new_tokens must be >= 1, got 0");
    }

    @Test
    void modelShape() {
        assertThatThrownBy(() -> shape(4, 3, 16))
                .hasMessage("num_attention_heads (4) must be a multiple of num_key_value_heads (3)");
        assertThatThrownBy(() -> shape(4, 2, 15)).hasMessage("head_dim must be even, got 15");
        assertThatThrownBy(() -> shape(1L << 31, 1, 16))
                .hasMessage("num_attention_heads must be in [1, 2^31), got 2147483648");
        assertThatThrownBy(() -> new RopeScaling.Llama3(0, 1, 4, 8192)).hasMessage("rope factor must be > 0, got 0.0");
        assertThatThrownBy(() -> new RopeScaling.Llama3(8, 4, 4, 8192))
                .hasMessage("rope high_freq_factor must be > low_freq_factor, got 4.0 and 4.0");
    }

    @Test
    void countsParameters() {
        // tied: 320*64 + 3 * (64*(64+32+32) + 64*64 + 3*172*64 + 2*64) + 64
        assertThat(shape(4, 2, 16).numParameters()).isEqualTo(156_864);
        long max = Integer.MAX_VALUE;
        ModelShape absurd = new ModelShape(
                max,
                max,
                max,
                max,
                max,
                max,
                2,
                2048,
                1e-5,
                1e4,
                Optional.empty(),
                true,
                false,
                false,
                AttentionStyle.LLAMA);
        assertThatThrownBy(absurd::numParameters).isInstanceOf(ArithmeticException.class);
    }

    private static ModelShape shape(long numHeads, long numKvHeads, long headDim) {
        return new ModelShape(
                320,
                64,
                172,
                3,
                numHeads,
                numKvHeads,
                headDim,
                2048,
                1e-5,
                1e4,
                Optional.empty(),
                true,
                false,
                false,
                AttentionStyle.LLAMA);
    }

    @Test
    void rewardRange() {
        assertThatThrownBy(() -> new RewardRange(2, 1)).hasMessageContaining("minimum <= maximum, got [2.0, 1.0]");
    }
}

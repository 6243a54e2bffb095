package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.spec.Divergence;
import io.mmpo.spec.LossTerm;
import io.mmpo.spec.LossType;
import io.mmpo.spec.Objective;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** TRL's words for losses, of its DPO, CPO and ORPO trainers. */
class LossOptionsTest {
    @TempDir
    Path directory;

    private ConfigLoader.Loaded load(String keys) throws IOException {
        Path file = directory.resolve("config.yaml");
        Files.writeString(file, "model_name_or_path: m\ndataset_name: d.jsonl\n" + keys);
        return ConfigLoader.load(file, List.of());
    }

    private LossOptions loss(String keys) throws IOException {
        return load(keys).config().loss();
    }

    @ParameterizedTest
    @CsvSource({
        "sigmoid, DPO",
        "dpo, DPO",
        "nll, SFT",
        "chunked_nll, SFT",
        "[sigmoid], DPO",
        "hinge, HINGE",
        "ipo, IPO",
        "aot, AOT",
        "robust, ROBUST",
        "apo_zero, APO_ZERO",
        "sppo_hard, SPPO_HARD",
        "nca_pair, NCA_PAIR",
        "bco_pair, BCO_PAIR"
    })
    void aWordIsALoss(String word, LossType type) throws IOException {
        LossOptions loss = loss("loss_type: " + word);
        assertThat(loss.terms()).containsExactly(new LossTerm(type, 1));
        assertThat(loss.needsReference()).isEqualTo(type != LossType.SFT);
        assertThat(loss.referenceFree()).isFalse();
    }

    @Test
    void aListIsAWeightedSum() throws IOException {
        LossOptions loss = loss("loss_type: [sigmoid, bco_pair, sft]\nloss_weights: [0.8, 0.2, 1.0]");
        assertThat(loss.terms())
                .containsExactly(
                        new LossTerm(LossType.DPO, 0.8),
                        new LossTerm(LossType.BCO_PAIR, 0.2),
                        new LossTerm(LossType.CHOSEN_NLL, 1));
        assertThat(loss("loss_type: [sigmoid, sft]").terms())
                .containsExactly(new LossTerm(LossType.DPO, 1), new LossTerm(LossType.CHOSEN_NLL, 1));
    }

    @Test
    void tokensAndPairsAreWeighedAsInTrl() throws IOException {
        Objective.Coefficients ld = coefficients("loss_type: [sigmoid, ipo]\nld_alpha: 0.3\nuse_weighting: true");
        assertThat(ld.ldAlpha()).isEqualTo(0.3);
        assertThat(ld.weighted()).isTrue();
        assertThat(coefficients("loss_type: sigmoid\nld_alpha: null").ldAlpha()).isEqualTo(1);
        assertThat(coefficients("loss_type: aot\nld_alpha: 0").ldAlpha()).isZero();
        assertThat(loss("loss_type: sigmoid\nld_alpha: 1")).isEqualTo(loss("loss_type: sigmoid"));
        assertThat(coefficients("loss_type: mmpo").weighted()).isFalse();
    }

    @Test
    void alphaPoIsSimpoWithAnotherReward() throws IOException {
        LossOptions loss = loss("loss_type: alphapo\nalpha: 0.25\ncpo_alpha: 1.0"); // TRL takes 0 whatever is written
        assertThat(loss).isEqualTo(loss("loss_type: simpo\nalpha: 0.25\ncpo_alpha: 0"));
        assertThat(loss.terms()).containsExactly(new LossTerm(LossType.SIMPO, 1));
        assertThat(loss.objective(1, true).coefficients().rewardAlpha()).isEqualTo(0.25);
        assertThat(coefficients("loss_type: cpo\nalpha: -0.5").rewardAlpha()).isEqualTo(-0.5);
    }

    private Objective.Coefficients coefficients(String keys) throws IOException {
        return loss(keys).objective(1, true).coefficients();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "loss_type: simpo, ld_alpha: 0.5 | ld_alpha is for losses of DPO's kind, with a reference model, and loss_type is simpo",
                "loss_type: cpo, ld_alpha: 0.5 | and loss_type is cpo",
                "loss_type: [sigmoid, sft], ld_alpha: 0.5 | and loss_type is sigmoid, sft",
                "loss_type: mmpo, use_weighting: true | use_weighting is for losses of DPO's kind",
                "loss_type: aot, use_weighting: true | aot and aot_unpaired aside, and loss_type is aot",
                "loss_type: sigmoid, alpha: 0.5 | alpha is AlphaPO's, for simpo and cpo, and loss_type is sigmoid",
                "loss_type: sigmoid, ld_alpha: 1.5 | ld_alpha must be in [0, 1], got 1.5",
                "loss_type: sigmoid, sync_ref_model: true | would be a second model in memory and in every step",
            })
    void whatALossDoesNotReadIsRefused(String keys, String message) {
        assertThatThrownBy(() -> loss(keys.replace(", ld", "\nld")
                        .replace(", use", "\nuse")
                        .replace(", alpha", "\nalpha")
                        .replace(", sync", "\nsync")))
                .hasMessageContaining(message);
    }

    @Test
    void cpoIsALossWithoutAReference() throws IOException {
        LossOptions sigmoid = loss("loss_type: sigmoid\ncpo_alpha: 0.5");
        assertThat(sigmoid.referenceFree()).isTrue();
        assertThat(sigmoid.needsReference()).isFalse();
        assertThat(sigmoid.terms())
                .containsExactly(new LossTerm(LossType.DPO, 1), new LossTerm(LossType.CHOSEN_NLL, 0.5));
        assertThat(loss("loss_type: cpo").terms())
                .containsExactly(new LossTerm(LossType.DPO, 1), new LossTerm(LossType.CHOSEN_NLL, 1));
        assertThat(loss("loss_type: hinge\ncpo_alpha: 0.0").terms()).containsExactly(new LossTerm(LossType.HINGE, 1));
        assertThat(loss("loss_type: ipo\ncpo_alpha: 0.0").logsMeanLogps()).isTrue();
        assertThat(loss("loss_type: simpo\ncpo_alpha: 0.1").terms())
                .containsExactly(new LossTerm(LossType.SIMPO, 1), new LossTerm(LossType.CHOSEN_NLL, 0.1));
        assertThat(loss("loss_type: simpo").terms()).hasSize(1);
        assertThat(loss("loss_type: orpo").terms())
                .containsExactly(new LossTerm(LossType.ORPO, 1), new LossTerm(LossType.CHOSEN_NLL, 1));
    }

    @Test
    void anAlphaDivergenceOfOneIsReverseKl() throws IOException {
        assertThat(loss("loss_type: hinge\nf_divergence_type: js_divergence").divergence())
                .isEqualTo(Divergence.JENSEN_SHANNON);
        assertThat(loss("loss_type: dpo\nf_divergence_type: alpha_divergence\nf_alpha_divergence_coef: 1.0")
                        .divergence())
                .isEqualTo(Divergence.REVERSE_KL);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "loss_type: [sigmoid, bco_pair, sft]\nloss_weights: [0.8, 0.2, 1.0]",
                "loss_type: [hinge, sft]",
                "loss_type: cpo",
                "loss_type: sigmoid\ncpo_alpha: 0.0",
                "loss_type: hinge\ncpo_alpha: 0.5",
                "loss_type: ipo\ncpo_alpha: 0.25",
                "loss_type: simpo\ncpo_alpha: 0.1",
                "loss_type: orpo",
                "loss_type: exo_pair\nlabel_smoothing: 0.1",
                "loss_type: discopop\ndiscopop_tau: 0.1",
                "loss_type: sigmoid\nf_divergence_type: alpha_divergence\nf_alpha_divergence_coef: 0.3"
            })
    void theResolvedYamlReadsBackToTheSameLoss(String keys) throws IOException {
        TrainingConfig config = load(keys).config();
        Path resolved = directory.resolve("resolved.yaml");
        Files.writeString(resolved, config.toYaml());
        assertThat(TrainingConfig.load(resolved)).isEqualTo(config);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "loss_type: [sigmoid, mmpo]|loss_type mmpo stands alone, and a list of several was found",
                "loss_type: [sigmoid, ppo]|loss_type must be one of mmpo, dpo,",
                "loss_type: dpo, loss_weights: [1, 2]|loss_weights must be one number a loss: loss_type has 1, loss_weights 2",
                "loss_type: dpo, cpo_alpha: 0.5|cpo_alpha is of CPO, a loss without a reference model, and loss_type is dpo",
                "loss_type: simpo, cpo_alpha: -1|cpo_alpha must be >= 0, got -1",
                "loss_type: exo_pair|label_smoothing must be > 0 for loss_type exo_pair",
                "loss_type: apo_zero, f_divergence_type: js_divergence|f_divergence_type is for dpo, hinge,",
                "loss_type: hinge, label_smoothing: 0.1|label_smoothing is for loss_type dpo, simpo,",
                "loss_type: discopop, discopop_tau: 0|discopop_tau must be > 0, got 0"
            })
    void whatCannotGoTogetherIsRefusedByName(String keys, String message) {
        assertThatThrownBy(() -> load(keys.replace(", cpo", "\ncpo")
                        .replace(", loss_w", "\nloss_w")
                        .replace(", label", "\nlabel")
                        .replace(", f_d", "\nf_d")
                        .replace(", discopop_t", "\ndiscopop_t")))
                .hasMessageStartingWith(message);
    }

    @Test
    void aKeyOfAnotherLossHasNoEffect() throws IOException {
        assertThat(load("loss_type: hinge\ndiscopop_tau: 0.1\nmmpo_aux_weight: 0.5")
                        .notices())
                .hasSize(2)
                .allSatisfy(notice -> assertThat(notice).contains("has no effect on loss_type hinge"));
    }
}

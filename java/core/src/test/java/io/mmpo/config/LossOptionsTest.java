package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.spec.Divergence;
import io.mmpo.spec.LossTerm;
import io.mmpo.spec.LossType;
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

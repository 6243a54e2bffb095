package io.mmpo.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.spec.AttentionStyle;
import io.mmpo.spec.LoraModule;
import io.mmpo.spec.LoraTarget;
import io.mmpo.spec.ModelShape;
import io.mmpo.spec.WholeMatrix;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The keys of an adapter: which modules it adapts, which it trains whole. */
class AdapterKeysTest extends WrittenYaml {
    private static final ModelShape SHAPE = new ModelShape(
            50, 8, 20, 2, 2, 1, 4, 64, 1e-5, 10_000, Optional.empty(), true, false, false, AttentionStyle.LLAMA);

    private static Set<LoraModule> modules(TrainingConfig config) {
        return config.model().lora().settings(SHAPE, 0).targets().stream()
                .map(LoraTarget::module)
                .collect(Collectors.toSet());
    }

    @Test
    void loraTargetsAreAListOrAWord() throws IOException {
        assertThat(modules(TrainingConfig.load(write("model_name_or_path: m\ndataset_name: d\n"))))
                .containsExactlyInAnyOrder(LoraModule.Q, LoraModule.V);
        for (String text : List.of("[k_proj, up_proj]", "\n- k_proj\n- up_proj", "k_proj,up_proj")) {
            TrainingConfig config = TrainingConfig.load(write(
                    "model_name_or_path: m\ndataset_name: d\nuse_peft: true\nlora_target_modules: " + text + "\n"));
            assertThat(modules(config)).containsExactlyInAnyOrder(LoraModule.K, LoraModule.UP);
            assertThat(TrainingConfig.load(write(config.toYaml()))).isEqualTo(config);
        }
        TrainingConfig all = TrainingConfig.load(
                write("model_name_or_path: m\ndataset_name: d\n"), "use_peft=true", "lora_target_modules=all-linear");
        assertThat(modules(all)).hasSize(7);
        assertThat(TrainingConfig.load(write(all.toYaml()))).isEqualTo(all);
    }

    @Test
    void loraTargetsAreARegularExpressionWhereTheyAreNoNames() throws IOException {
        for (String text : List.of("'.*\\.(k|up)_proj'", "['.*\\.(k|up)_proj']", "'.*\\.(k_proj|up_proj){1,2}'")) {
            TrainingConfig config = TrainingConfig.load(write(
                    "model_name_or_path: m\ndataset_name: d\nuse_peft: true\nlora_target_modules: " + text + "\n"));
            assertThat(modules(config)).containsExactlyInAnyOrder(LoraModule.K, LoraModule.UP);
            assertThat(TrainingConfig.load(write(config.toYaml()))).isEqualTo(config);
        }
        assertThatThrownBy(() -> TrainingConfig.load(
                        write("model_name_or_path: m\ndataset_name: d\n"), "lora_target_modules=.*(q_proj"))
                .hasMessageContaining("lora_target_modules")
                .hasMessageContaining("is not a regular expression");
        TrainingConfig nothing = TrainingConfig.load(
                write("model_name_or_path: m\ndataset_name: d\n"), "use_peft=true", "lora_target_modules=c_attn");
        assertThatThrownBy(() -> modules(nothing))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.CONFIGURATION))
                .hasMessageContaining("holds no module of this model");
        TrainingConfig head = TrainingConfig.load(
                write("model_name_or_path: m\ndataset_name: d\n"),
                "use_peft=true",
                "lora_target_modules=q_proj,lm_head");
        assertThatThrownBy(() -> modules(head))
                .hasMessageContaining("holds lm_head")
                .hasMessageContaining("the linear modules of a layer alone");
        assertThat(nothing.model().lora().unmatched(SHAPE)).containsExactly("c_attn");
    }

    @Test
    void keysOfAnAdapterAreRefusedTogetherWithAllOthers() {
        assertFails(
                "lora_r: 0\nlora_alpha: x\nbeta: -1\nlora_dropout: 2\nlora_target_modules: .*(q_proj\nlora_modules_to_save: [norm]",
                "6 settings must be changed: (1) lora_r must be in [1, 65536], got 0 (");
        assertFails("lora_dropout: 2\nlora_target_modules: .*(q_proj", "(2) lora_target_modules cannot be read: ");
    }

    @Test
    void modulesToSaveHasTwoNames() throws IOException {
        for (String key : List.of("modules_to_save", "lora_modules_to_save")) {
            TrainingConfig config = TrainingConfig.load(write("model_name_or_path: m\ndataset_name: d\nuse_peft: true\n"
                    + key + ": [embed_tokens, lm_head]\nensure_weight_tying: true\n"));
            assertThat(config.model().lora().settings(SHAPE, 0).whole()).containsExactly(WholeMatrix.TIED);
            assertThat(TrainingConfig.load(write(config.toYaml()))).isEqualTo(config);
        }
        assertFails("modules_to_save: [lm_head]\nlora_modules_to_save: [embed_tokens]", "is set twice");
        assertFails("modules_to_save: [norm]", "embed_tokens and lm_head");
    }
}

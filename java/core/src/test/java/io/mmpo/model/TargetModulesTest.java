package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.spec.AttentionStyle;
import io.mmpo.spec.ModelShape;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Three layers of a Llama; what PEFT 0.21's check_target_module_exists says of its modules. */
class TargetModulesTest {
    private static final List<String> MODULES = ModuleNames.of(new ModelShape(
            50, 8, 20, 3, 2, 1, 4, 64, 1e-5, 10_000, Optional.empty(), true, false, false, AttentionStyle.LLAMA));

    @Test
    void namesAreWholeOrEnds() {
        assertThat(among(names("q_proj"))).containsExactly(q(0), q(1), q(2));
        assertThat(among(names("self_attn.q_proj"))).containsExactly(q(0), q(1), q(2));
        assertThat(among(names(q(1)))).containsExactly(q(1));
        assertThat(among(names("attn.q_proj", "proj", ".*q_proj"))).isEmpty();
        assertThat(among(names("1.self_attn.q_proj"))).containsExactly(q(1));
    }

    @Test
    void aPatternIsOfWholeNames() {
        assertThat(among(ModuleChoice.pattern(".*\\.[02]\\..*q_proj"))).containsExactly(q(0), q(2));
        assertThat(among(ModuleChoice.pattern("q_proj"))).isEmpty();
        assertThat(among(ModuleChoice.pattern("All-Linear"))).hasSize(21).doesNotContain("lm_head");
    }

    @Test
    void excludedOnesAreLeftOut() {
        ModuleChoice all = ModuleChoice.pattern("all-linear");
        assertThat(select(all, names("mlp.down_proj", q(0)), null, List.of())).hasSize(21 - 4);
        assertThat(select(all, ModuleChoice.pattern(".*layers\\.[01]\\..*"), null, List.of()))
                .hasSize(7);
    }

    /** Layers hold for the ends of names, not for whole names. */
    @Test
    void layersAreThoseOfEnds() {
        assertThat(select(names("q_proj"), ModuleChoice.NONE, List.of(1L), List.of()))
                .containsExactly(q(1));
        assertThat(select(names("q_proj"), ModuleChoice.NONE, List.of(), List.of()))
                .hasSize(3);
        assertThat(select(names("q_proj", q(0)), ModuleChoice.NONE, List.of(1L), List.of()))
                .containsExactly(q(0), q(1));
        assertThat(select(names("q_proj"), ModuleChoice.NONE, List.of(2L), List.of("h", "layers")))
                .containsExactly(q(2));
        assertThat(select(names("q_proj"), ModuleChoice.NONE, List.of(2L), List.of("blocks")))
                .isEmpty();
    }

    @Test
    void whatIsSavedWholeHasNoAdapter() {
        TargetModules targets = TargetModules.of(ModuleChoice.pattern(".*(q_proj|lm_head|embed_tokens)"));
        assertThat(targets.among(MODULES, List.of("lm_head", "embed_tokens"))).containsExactly(q(0), q(1), q(2));
        assertThat(targets.among(MODULES, List.of())).contains("lm_head", "model.embed_tokens");
    }

    private static String q(int layer) {
        return "model.layers." + layer + ".self_attn.q_proj";
    }

    private static ModuleChoice names(String... names) {
        return ModuleChoice.names(List.of(names));
    }

    private static List<String> among(ModuleChoice choice) {
        return TargetModules.of(choice).among(MODULES, List.of());
    }

    private static List<String> select(
            ModuleChoice targets, ModuleChoice excluded, List<Long> layers, List<String> pattern) {
        return new TargetModules(targets, excluded, Optional.ofNullable(layers), pattern).among(MODULES, List.of());
    }
}

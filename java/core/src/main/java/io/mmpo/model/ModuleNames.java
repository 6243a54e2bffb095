package io.mmpo.model;

import io.mmpo.spec.LoraModule;
import io.mmpo.spec.ModelShape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The modules of a decoder by transformers' names, in the order of its named_modules: what PEFT's patterns are matched against. */
final class ModuleNames {
    static final String EMBEDDING = "model.embed_tokens";
    static final String HEAD = "lm_head";

    private static final String LAYER = "model.layers.";

    private ModuleNames() {}

    /** A linear module of a layer. */
    record Linear(long layer, LoraModule module) {}

    static List<String> of(ModelShape shape) {
        List<String> names = new ArrayList<>(List.of("model", EMBEDDING, "model.layers"));
        for (long i = 0; i < shape.numLayers(); i++) {
            String layer = LAYER + i;
            names.addAll(List.of(layer, layer + ".self_attn"));
            for (LoraModule module : LoraModule.values()) {
                if (module == LoraModule.GATE) {
                    names.add(layer + ".mlp");
                }
                names.add(name(i, module));
                if (module == LoraModule.O && shape.attention().normsHeads()) {
                    names.addAll(List.of(layer + ".self_attn.q_norm", layer + ".self_attn.k_norm"));
                }
            }
            names.addAll(
                    List.of(layer + ".mlp.act_fn", layer + ".input_layernorm", layer + ".post_attention_layernorm"));
        }
        names.addAll(List.of("model.norm", "model.rotary_emb", HEAD));
        return names;
    }

    static String name(long layer, LoraModule module) {
        String part = module.ordinal() < LoraModule.GATE.ordinal() ? ".self_attn." : ".mlp.";
        return LAYER + layer + part + module.moduleName();
    }

    static Optional<Linear> linear(String name) {
        if (!name.startsWith(LAYER)) {
            return Optional.empty();
        }
        int end = name.indexOf('.', LAYER.length());
        return end < 0
                ? Optional.empty()
                : Arrays.stream(LoraModule.values())
                        .map(module -> new Linear(Long.parseLong(name, LAYER.length(), end, 10), module))
                        .filter(linear -> name(linear.layer(), linear.module()).equals(name))
                        .findFirst();
    }
}

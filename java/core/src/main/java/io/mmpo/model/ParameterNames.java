package io.mmpo.model;

import io.mmpo.spec.ModelShape;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** transformers' names of a model's parameters, and which of them a tensor of a checkpoint is. */
final class ParameterNames {
    static final String HEAD = "lm_head.weight";
    static final String EMBEDDING = "model.embed_tokens.weight";

    private static final String PREFIX = "model.";
    private static final String NORM = "model.norm.weight";
    private static final Pattern LAYER = Pattern.compile("model\\.layers\\.(0|[1-9]\\d{0,8})\\.(.+)");
    private static final Set<String> WEIGHTS = Set.of(
            "input_layernorm.weight",
            "self_attn.q_proj.weight",
            "self_attn.k_proj.weight",
            "self_attn.v_proj.weight",
            "self_attn.o_proj.weight",
            "post_attention_layernorm.weight",
            "mlp.gate_proj.weight",
            "mlp.up_proj.weight",
            "mlp.down_proj.weight");
    private static final Set<String> QKV_BIASES =
            Set.of("self_attn.q_proj.bias", "self_attn.k_proj.bias", "self_attn.v_proj.bias");
    private static final String OUTPUT_BIAS = "self_attn.o_proj.bias";
    private static final Set<String> HEAD_NORMS = Set.of("self_attn.q_norm.weight", "self_attn.k_norm.weight");

    /** What wraps a model in training puts its word into every name. */
    private static final Pattern WRAPPER = Pattern.compile(
            "(^|\\.)(_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module|base_layer|base_model\\.model)(?=\\.)");

    private final ModelShape shape;

    ParameterNames(ModelShape shape) {
        this.shape = shape;
    }

    /** The head counts where it is tied, too. */
    boolean contains(String name) {
        if (name.equals(HEAD) || name.equals(EMBEDDING) || name.equals(NORM)) {
            return true;
        }
        Matcher layer = LAYER.matcher(name);
        return layer.matches()
                && Long.parseLong(layer.group(1)) < shape.numLayers()
                && (WEIGHTS.contains(layer.group(2))
                        || (shape.attention().normsHeads() && HEAD_NORMS.contains(layer.group(2)))
                        || (shape.qkvBias() && QKV_BIASES.contains(layer.group(2)))
                        || (shape.outputBias() && OUTPUT_BIAS.equals(layer.group(2))));
    }

    /** As transformers renames: a bare LlamaModel's tensors have no "model.", those of a model in a model have it twice. */
    String renamed(String stored) {
        if (stored.startsWith(PREFIX) && contains(stored.substring(PREFIX.length()))) {
            return stored.substring(PREFIX.length());
        }
        return contains(PREFIX + stored) ? PREFIX + stored : stored;
    }

    /** Whether the tensor is a parameter but for the words of wrappers: torch.compile, DDP, FSDP, checkpointing, PEFT. */
    boolean isWrapped(String stored) {
        return !contains(stored) && contains(renamed(unwrapped(stored)));
    }

    static String unwrapped(String stored) {
        String name = WRAPPER.matcher(stored).replaceAll("");
        return name.startsWith(".") ? name.substring(1) : name;
    }

    /** Of a few of them, for a message. */
    static String list(List<String> names) {
        List<String> shown = new ArrayList<>(names.subList(0, Math.min(3, names.size())));
        return String.join(", ", shown) + (names.size() > shown.size() ? ", …" : "");
    }
}

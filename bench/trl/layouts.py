"""Odd checkpoints as people bring them, made from a plain one: each layout changes tensors, files or config.json.

A layout is a function that changes a Source and returns nothing; REFUSED are those that mmpo does not load, where
transformers would begin weights at random (or computes what mmpo does not), with the words that the refusal must hold.
"""

import json
import random

EMBEDDING, HEAD, NORM = "model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"


class Source:
    def __init__(self, directory):
        from safetensors.torch import load_file

        self.weights = load_file(directory / "model.safetensors")
        self.config = json.loads((directory / "config.json").read_text())
        self.shards = 1  # with an index where there are more
        self.index = lambda weight_map: None  # changes it
        self.metadata = {"format": "pt"}

    def write(self, directory):
        from safetensors.torch import save_file

        directory.mkdir(parents=True)
        (directory / "config.json").write_text(json.dumps(self.config))
        names = list(self.weights)
        if self.shards == 1:
            save_file(self.weights, directory / "model.safetensors", metadata=self.metadata)
            return
        weight_map = {}
        for shard in range(self.shards):
            file = f"part-{'cab'[shard % 3]}{shard}.safetensors"  # any name will do
            weight_map |= {name: file for name in names[shard :: self.shards]}
            save_file({name: self.weights[name] for name in names[shard :: self.shards]}, directory / file)
        self.index(weight_map)
        (directory / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))

    def rename(self, change):
        self.weights = {change(name): value for name, value in self.weights.items()}


def head_only(source):
    source.weights[HEAD] = source.weights.pop(EMBEDDING)


def head_twice(source):
    source.weights[HEAD] = source.weights[EMBEDDING].clone()


def head_twice_in_two_types(source):
    source.weights[EMBEDDING] = source.weights[EMBEDDING].bfloat16()
    source.weights[HEAD] = source.weights[EMBEDDING].float()


def head_differs(source):
    source.weights[HEAD] = source.weights[EMBEDDING] * 1.25


def no_metadata(source):
    source.metadata = None


def no_prefix(source):
    source.rename(lambda name: name.removeprefix("model."))


def prefix_twice(source):
    source.rename(lambda name: "model." + name)


def extra_tensors(source):
    import torch

    source.weights |= {
        "model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4),
        "model.layers.77.input_layernorm.weight": torch.ones(4),
        "value_head.summary.weight": torch.ones(2, 3, 4),
        "model.embed_positions.ids": torch.ones(3, dtype=torch.int64),
    }


def mixed_types(source):
    source.weights = {n: v if "norm" in n else v.bfloat16() for n, v in source.weights.items()}


def float16(source):
    source.weights = {n: v.half() for n, v in source.weights.items()}


def shards_of_other_names(source):
    source.shards = 3


def index_lists_a_tied_head(source):
    source.shards = 2
    source.index = lambda weight_map: weight_map.update({HEAD: weight_map[EMBEDDING]})


def index_lacks_a_tensor(source):
    source.shards = 2
    source.index = lambda weight_map: weight_map.pop(NORM)


def index_is_stale(source):
    source.shards = 2

    def shuffle(weight_map):
        files = list(weight_map.values())
        random.Random(0).shuffle(files)
        weight_map.update(zip(list(weight_map), files))
        weight_map["model.layers.9.gone.weight"] = files[0]

    source.index = shuffle


def without(*keys):
    def change(source):
        for key in keys:
            source.config.pop(key, None)

    return change


def with_keys(**values):
    return lambda source: source.config.update(values)


def architecture(model_type, class_name, **values):
    def change(source):
        source.config |= {"model_type": model_type, "architectures": [class_name], **values}

    return change


def qwen2(**values):
    """Which has biases of queries, keys and values."""

    def change(source):
        import torch

        architecture("qwen2", "Qwen2ForCausalLM", **values)(source)
        for name in [n for n in source.weights if n.endswith(("q_proj.weight", "k_proj.weight", "v_proj.weight"))]:
            source.weights[name.replace(".weight", ".bias")] = torch.linspace(-0.5, 0.5, len(source.weights[name]))

    return change


def every_second(word, other):
    return lambda layers: [word if i % 2 else other for i in range(layers)]


def listed(change, **lists):
    """The same with keys that hold an entry a layer."""

    def all_of_it(source):
        change(source)
        layers = source.config["num_hidden_layers"]
        source.config |= {key: entries(layers) for key, entries in lists.items()}

    return all_of_it


def rope(old=False, **values):
    """In the spelling of transformers 4 or 5."""

    def change(source):
        theta = source.config["rope_parameters"]["rope_theta"]
        source.config.pop("rope_parameters")
        if old:
            source.config |= {"rope_theta": theta, "rope_scaling": values}
        else:
            source.config["rope_parameters"] = {"rope_theta": theta, **values}

    return change


LAYOUTS = {
    "plain": lambda source: None,
    "head_only": head_only,
    "head_twice": head_twice,
    "head_twice_in_two_types": head_twice_in_two_types,
    "head_differs": head_differs,
    "no_metadata": no_metadata,
    "no_prefix": no_prefix,
    "prefix_twice": prefix_twice,
    "extra_tensors": extra_tensors,
    "mixed_types": mixed_types,
    "float16": float16,
    "shards_of_other_names": shards_of_other_names,
    "index_lists_a_tied_head": index_lists_a_tied_head,
    "index_lacks_a_tensor": index_lacks_a_tensor,
    "index_is_stale": index_is_stale,
    "keys_absent": without(
        "rms_norm_eps", "hidden_act", "attention_bias", "mlp_bias", "head_dim", "rope_parameters", "rope_scaling", "dtype"
    ),
    "keys_unread": with_keys(
        auto_map={"AutoModelForCausalLM": "modeling_x.X"}, embedding_multiplier=12, pretraining_tp=2, sliding_window=3
    ),
    "bare_class": with_keys(architectures=["LlamaModel"]),
    "rope_linear": rope(old=True, type="linear", factor=2.5),
    "rope_dynamic": rope(rope_type="dynamic", factor=4.0),
    "rope_yarn": rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=64),
    "rope_yarn_every_key": rope(
        old=True,
        rope_type="yarn",
        factor=3.0,
        original_max_position_embeddings=32,
        beta_fast=16.0,
        beta_slow=0.5,
        mscale=0.8,
        mscale_all_dim=0.5,
        truncate=False,
    ),
    "mistral_window": architecture("mistral", "MistralForCausalLM", sliding_window=20),
    "mistral_without_window": architecture("mistral", "MistralForCausalLM", sliding_window=None),
    "qwen2_upper_window": qwen2(use_sliding_window=True, sliding_window=16, max_window_layers=2),
    "qwen2_unused_window": qwen2(use_sliding_window=False, sliding_window=16, max_window_layers=0),
    "qwen2_listed_window": listed(
        qwen2(use_sliding_window=True, sliding_window=16), layer_types=every_second("sliding_attention", "full_attention")
    ),
    "smollm3_interval": architecture("smollm3", "SmolLM3ForCausalLM", no_rope_layer_interval=3, pad_token_id=0),
    "smollm3_listed": listed(
        architecture("smollm3", "SmolLM3ForCausalLM", pad_token_id=0), no_rope_layers=every_second(0, 1)
    ),
    "smollm3_window": architecture(
        "smollm3",
        "SmolLM3ForCausalLM",
        no_rope_layer_interval=2,
        use_sliding_window=True,
        sliding_window=16,
        pad_token_id=0,
    ),
    "rope_llama3": rope(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0),
}

REFUSED = {
    "head_missing": (with_keys(tie_word_embeddings=False), "begin the head at random"),
    "tensor_missing": (lambda source: source.weights.pop(NORM), "is missing"),
    "_orig_mod": (lambda source: source.rename(lambda name: "_orig_mod." + name), "torch.compile"),
    "module": (lambda source: source.rename(lambda name: "module." + name), "save_pretrained"),
    "quantized": (with_keys(quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True}), "quantization"),
    "gelu": (with_keys(hidden_act="gelu"), "hidden_act"),
    "gemma": (architecture("gemma3_text", "Gemma3ForCausalLM"), "norms that multiply by 1 + weight"),
    "experts": (architecture("qwen3_moe", "Qwen3MoeForCausalLM"), "the routing of tokens to experts"),
    "vision": (architecture("qwen2_5_vl", "Qwen2_5_VLForConditionalGeneration"), "the part that reads images"),
}


def rows(vocabulary):
    """Token ids, so that no tokenizer is needed; the longest goes well past rope_yarn's original positions."""
    draw = random.Random(1)
    ids = lambda count: [draw.randrange(3, vocabulary) for _ in range(count)]
    return [{"prompt_ids": ids(p), "chosen_ids": ids(c), "rejected_ids": ids(r)} for p, c, r in [(1, 3, 2), (40, 60, 30)]]

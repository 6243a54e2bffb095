#!/usr/bin/env python3
"""Adapters of mmpo load in PEFT, PEFT's load in mmpo, and both compute the same.

For each model, with token ids as rows so that no tokenizer is between:
* `mmpo train` trains an adapter for a few DPO steps in fp32 (dropout 0.1); PEFT loads `final/` on the model;
* PEFT makes adapters with random A and B (all linear modules; attention alone with use_rslora) and saves them; mmpo loads
  them by --model DIR of the adapter and by --model and --adapter.
Each time the log-probability of every completion token is compared between PEFT's model and `mmpo logprobs --per-token`.
Equal log-probabilities of tokens mean equal logits up to a constant of the row (check_transformers.py). `mmpo merge` must give
the weights of PEFT's merge_and_unload, and its model PEFT's log-probabilities.

`--kinds` checks adapters of other kinds on the tiny models in place of that: modules named by ends, whole paths and regular
expressions, excluded ones, some layers, ranks and alphas by pattern, modules_to_save with tied and untied embeddings, resized
vocabularies; each scored, and merged; and `mmpo train` with lora_modules_to_save, whose adapters PEFT must load.

Tolerance of a token: 1e-5, or 1e-5 plus twice what PEFT's own fp32 values are from its float64 values at worst, as in
check_transformers.py. Merged weights: 1e-6. Exit status: 0 equal, 1 different, 77 skipped because something is missing.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile

import common
from check_transformers import FILES, Report, compare_logps, plain_rows, token_ids, token_logps

MODELS = ("tiny-tied", "tiny-untied", "stories260k", "smollm2-135m-instruct")
TINY = {"tiny-tied": "golden/tiny_llama/tied", "tiny-untied": "golden/tiny_llama/untied_llama3_rope"}
WEIGHT_TOLERANCE = 1e-6


def source_directory(name):
    return common.shared_file(TINY[name]) if name in TINY else common.model_directory(name)


def id_rows(name, source):
    """Preference pairs as token ids."""
    if name in TINY:
        return json.loads(common.shared_file("golden/tiny_llama/golden.json").read_text())["pairs"]
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source)
    rows = common.short_rows(FILES, 4, max_characters=300)
    if not (source / "chat_template.jinja").exists():
        rows = plain_rows(rows)
    found = [ids for ids in (token_ids(tokenizer, row) for row in rows) if ids is not None]
    return [
        {"prompt_ids": list(prompt), "chosen_ids": list(chosen), "rejected_ids": list(rejected)}
        for prompt, (chosen, rejected) in found
    ]


def train(source, data, directory, keys=None):
    common.train_mmpo(
        {
            "model_name_or_path": str(source),
            "dataset_name": str(data),
            "loss_type": "dpo",
            "use_peft": True,
            "lora_r": 8,
            "lora_dropout": 0.1,
            "lora_target_modules": "all-linear",
            "learning_rate": 2e-3,
            "lr_scheduler_type": "constant",
            "max_steps": 4,
            "per_device_train_batch_size": 2,
            "bf16": False,
            "max_length": None,
            "save_strategy": "no",
            "seed": 0,
            **(keys or {}),
        },
        directory,
    )
    return directory / "mmpo" / "final"


def make_adapter(source, directory, settings):
    """PEFT's adapter with random weights that change the model visibly."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(5)
    base = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.1, **settings))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
    model.peft_config["default"].base_model_name_or_path = str(source)
    model.save_pretrained(directory)
    return directory


def load(source, adapter, report, vocabulary=None):
    """PEFT's model in fp32, in evaluation; what it says of missing or unexpected weights is a failure."""
    import warnings

    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    if vocabulary is not None:
        base.resize_token_embeddings(vocabulary)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base, adapter).eval()
    texts = [str(warning.message) for warning in caught]
    # Of tied weights PEFT warns whenever modules_to_save names one.
    problems = [text for text in texts if "adapter" in text and "tie_word_embeddings" not in text and "unclosed" not in text]
    report.check("PEFT loads it with nothing missing or unexpected", not problems, "; ".join(problems))
    touched = sum(bool(p.abs().max() > 0) for name, p in model.named_parameters() if "lora_B" in name)
    report.check("every B is there", touched == sum("lora_B" in name for name, _ in model.named_parameters()))
    return model


def peft_logps(model, rows):
    """(transformers fp32, float64) of each row's completions, as compare_logps wants them."""
    values = []
    for dtype in ("float", "double"):
        getattr(model, dtype)()
        for index, row in enumerate(rows):
            for key in ("chosen", "rejected"):
                values.append((dtype, index, key, *token_logps(model, row["prompt_ids"], row[f"{key}_ids"])))
    model.float()
    half = len(values) // 2
    return [(*single, double[3]) for single, double in zip(values[:half], values[half:])]


def mmpo_logps(arguments, data, directory, name):
    output = directory / f"{name}.jsonl"
    common.mmpo(["logprobs", *arguments, "--data", data, "--output", output, "--per-token"], directory / f"{name}.log")
    return {entry["row"]: entry for entry in common.read_jsonl(output)}


def changed(values, base):
    """Largest change of a token's log-probability by the adapter: a check that compares equal models says nothing."""
    return max((a[3] - b[3]).abs().max().item() for a, b in zip(values, base))


def check_merge(source, adapter, model, values, data, directory, report):
    import torch
    from safetensors.torch import load_file

    merged = directory / "merged"
    common.mmpo(["merge", "--model", source, "--adapter", adapter, "--output", merged], directory / "merge.log")
    print(f"  mmpo: {(directory / 'merge.log').read_text().strip().splitlines()[-1]}")
    stored = load_file(merged / "model.safetensors")
    unloaded = model.merge_and_unload()
    wanted = unloaded.state_dict()
    half = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11, torch.float32: 0.0}
    worst = max(
        ((stored[name].double() - wanted[name].double()).abs() - half[stored[name].dtype] * wanted[name].double().abs())
        .max()
        .item()
        for name in stored
    )
    left = {name for name in wanted if name not in stored and name != "lm_head.weight"}
    report.check("the merged model has every weight of PEFT's", not left, ", ".join(sorted(left)))
    config = json.loads((merged / "config.json").read_text())
    same = config["tie_word_embeddings"] == unloaded.config.tie_word_embeddings
    report.check("vocabulary and ties are PEFT's", same and config["vocab_size"] == wanted["model.embed_tokens.weight"].shape[0])
    report.check("merged weights are PEFT's, rounded once to the model's type", worst <= WEIGHT_TOLERANCE, f"{worst:.1e} off")
    if next(iter(stored.values())).dtype == torch.float32:
        compare_logps(values, mmpo_logps(["--model", merged], data, directory, "merged"), report)


def check_model(name, directory, report):
    import torch
    from transformers import AutoModelForCausalLM

    source = source_directory(name)
    rows = id_rows(name, source)
    data = directory / "rows.jsonl"
    common.write_jsonl(data, rows)
    base = peft_logps(AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).eval(), rows)

    print(f"{name}: mmpo's adapter in PEFT")
    final = train(source, data, directory)
    model = load(source, final, report)
    values = peft_logps(model, rows)
    report.check("training changed the model", changed(values, base) > 1e-2, f"{changed(values, base):.2g} nats")
    compare_logps(values, mmpo_logps(["--model", final], data, directory, "final"), report)
    check_merge(source, final, model, values, data, directory, report)

    attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    for label, settings in {
        "all-linear": {"r": 4, "lora_alpha": 8, "target_modules": "all-linear"},
        "attention, rslora": {"r": 16, "lora_alpha": 4, "target_modules": attention, "use_rslora": True},
    }.items():
        print(f"{name}: PEFT's adapter in mmpo ({label})")
        adapter = make_adapter(source, directory / f"peft-{settings['r']}", settings)
        values = peft_logps(load(source, adapter, report), rows)
        report.check("the adapter changes the model", changed(values, base) > 1e-2, f"{changed(values, base):.2g} nats")
        compare_logps(values, mmpo_logps(["--model", adapter], data, directory, "alone"), report)
        together = ["--model", source, "--adapter", adapter]
        compare_logps(values, mmpo_logps(together, data, directory, "together"), report)


BOTH = ["embed_tokens", "lm_head"]
PATHS = ["model.layers.0.self_attn.q_proj", "model.layers.2.mlp.down_proj"]
PATTERNS = {"rank_pattern": {"layers.1.self_attn.q_proj": 2, "v_proj": 3}, "alpha_pattern": {r"layers.\d.self_attn.q_proj": 5}}
# model, LoraConfig's arguments, tokens more than the model has
KINDS = {
    "ends of names": ("tiny-tied", {"target_modules": ["self_attn.k_proj", "mlp.up_proj"]}, 0),
    "whole paths": ("tiny-untied", {"target_modules": PATHS}, 0),
    "a regular expression": ("tiny-tied", {"target_modules": r".*\.layers\.[12]\..*(q|gate)_proj"}, 0),
    "excluded modules": ("tiny-tied", {"target_modules": "all-linear", "exclude_modules": r".*\.1\..*|.*down_proj"}, 0),
    "some layers": ("tiny-tied", {"target_modules": ["q_proj", PATHS[1]], "layers_to_transform": [1]}, 0),
    "layers by a pattern": ("tiny-tied", {"target_modules": ["v_proj"], "layers_to_transform": 2, "layers_pattern": "layers"}, 0),
    "ranks and alphas": ("tiny-untied", {"target_modules": ["q_proj", "v_proj"], "use_rslora": True, **PATTERNS}, 0),
    "both, tied": ("tiny-tied", {"modules_to_save": BOTH}, 0),
    "embedding, tied": ("tiny-tied", {"modules_to_save": ["embed_tokens"]}, 0),
    "head, tied": ("tiny-tied", {"modules_to_save": ["lm_head"]}, 0),
    "one for both": ("tiny-tied", {"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True}, 0),
    "both, untied": ("tiny-untied", {"modules_to_save": BOTH}, 0),
    "norms": ("tiny-tied", {"modules_to_save": ["norm"]}, 0),
    "more tokens, tied": ("tiny-tied", {}, 3),
    "fewer tokens, untied": ("tiny-untied", {}, -4),
    "more tokens and both": ("tiny-tied", {"modules_to_save": BOTH}, 3),
    "more tokens and embedding": ("tiny-tied", {"modules_to_save": ["embed_tokens"]}, 3),
}
QUICK = ("a regular expression", "excluded modules", "ranks and alphas", "both, tied", "more tokens and embedding")


def make_kind(source, directory, settings, more_tokens):
    """PEFT's adapter whose every trained tensor is changed; returns the vocabulary that it was saved with."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(7)
    base = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    vocabulary = base.config.vocab_size + more_tokens
    if more_tokens:
        base.resize_token_embeddings(vocabulary)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, **settings))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.02)
        elif parameter.requires_grad and "lora_" not in name:
            parameter.data.add_(torch.randn_like(parameter) * 0.02)
    model.peft_config["default"].base_model_name_or_path = str(source)
    model.save_pretrained(directory)
    return vocabulary


def within(rows, vocabulary):
    """The rows with tokens of the vocabulary alone."""
    return [{key: [token % vocabulary for token in ids] for key, ids in row.items() if key.endswith("_ids")} for row in rows]


def check_kind(label, name, settings, more_tokens, directory, report):
    print(f"{name}: PEFT's adapter in mmpo ({label})")
    source = source_directory(name)
    directory.mkdir(parents=True)
    adapter = directory / "adapter"
    vocabulary = make_kind(source, adapter, settings, more_tokens)
    rows = within(id_rows(name, source), vocabulary)
    data = directory / "rows.jsonl"
    common.write_jsonl(data, rows)
    model = load(source, adapter, report, vocabulary if more_tokens else None)
    values = peft_logps(model, rows)
    compare_logps(values, mmpo_logps(["--model", source, "--adapter", adapter], data, directory, "scored"), report)
    check_merge(source, adapter, model, values, data, directory, report)


def check_trained_whole(name, tied, directory, report):
    print(f"{name}: mmpo's adapter in PEFT (lora_modules_to_save, ensure_weight_tying {tied})")
    source = source_directory(name)
    directory.mkdir(parents=True)
    rows = id_rows(name, source)
    data = directory / "rows.jsonl"
    common.write_jsonl(data, rows)
    keys = {"lora_target_modules": r".*\.[12]\..*(v|up)_proj", "lora_modules_to_save": BOTH, "ensure_weight_tying": tied}
    final = train(source, data, directory, keys)
    model = load(source, final, report)
    values = peft_logps(model, rows)
    compare_logps(values, mmpo_logps(["--model", final], data, directory, "final"), report)
    check_merge(source, final, model, values, data, directory, report)


def check_kinds(labels, directory, report):
    for number, label in enumerate(labels):
        check_kind(label, *KINDS[label], directory / f"kind-{number}", report)
    check_trained_whole("tiny-tied", True, directory / "trained-tied", report)
    if len(labels) > len(QUICK):
        check_trained_whole("tiny-tied", False, directory / "trained-parted", report)
        check_trained_whole("tiny-untied", False, directory / "trained-untied", report)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, action="append", help="default: all")
    parser.add_argument("--kinds", choices=("quick", "all"), help="adapters of other kinds, in place of the models")
    parser.add_argument("--output", type=pathlib.Path, help="keep the files here")
    options = parser.parse_args()
    common.use_peer_python()
    common.require_packages("torch", "transformers", "safetensors", "peft")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from transformers.utils import logging

    logging.disable_progress_bar()
    report = Report()
    with tempfile.TemporaryDirectory() as temporary:
        root = (options.output or pathlib.Path(temporary)).resolve()
        if options.kinds:
            check_kinds(QUICK if options.kinds == "quick" else tuple(KINDS), root, report)
        for name in options.model or ([] if options.kinds else MODELS):
            directory = root / name
            directory.mkdir(parents=True, exist_ok=True)
            check_model(name, directory, report)
    print(f"{report.failures or 'no'} failures")
    sys.exit(1 if report.failures else 0)


if __name__ == "__main__":
    main()

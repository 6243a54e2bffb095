#!/usr/bin/env python3
"""What `mmpo train` saves is what transformers loads: names, shapes, dtypes, tokenizer, and the same log-probabilities.

For each model: `mmpo train` does a few DPO steps in fp32 on real rows; transformers loads `final/`; then the
log-probability of every completion token is compared between transformers (each prompt + completion alone, no padding,
log-softmax of its logits) and `mmpo logprobs --per-token` on the same directory. A log-probability is a logit less the
log-sum-exp of all logits of its row, so equal log-probabilities of real tokens mean equal logits up to a constant of
the row, which no use of a language model sees.

Tolerance of a token: 1e-5, or 1e-5 plus twice what transformers' own fp32 values are from its float64 values at worst,
where rounding in 30 layers makes those differ by more: both programs round in another order. Exit status: 0 equal,
1 different, 77 skipped because something is missing.

With --layouts the other way round: checkpoints in odd layouts (layouts.py) are loaded by both, and what mmpo saves of them by
transformers.
"""

import argparse
import json
import os
import pathlib
import sys
import tempfile

import common
import layouts

TOLERANCE = 1e-5
MODELS = ("stories260k", "smollm2-135m-instruct")
# Of shared/golden: random weights, no tokenizer, rows of ids.
ARCHITECTURES = ("llama_linear", "llama_yarn", "mistral_window", "qwen3", "smollm3")
FILES = ("rasbt_politeness_test.jsonl", "hh_harmless_test.jsonl")
TEXTS = ("Hello, world", "  two  spaces\n\n\ttab", "naïve 東京 🙂", "<|im_start|>user\nhi<|im_end|>\n", "")


class Report:
    def __init__(self):
        self.failures = 0

    def check(self, what, holds, detail=""):
        print(f"  {'ok  ' if holds else 'FAIL'} {what}{': ' + detail if detail else ''}")
        self.failures += not holds


def plain_rows(rows):
    """The same rows as strings, for a model without a chat template."""
    return [{key: row[key][-1]["content"] for key in ("prompt", "chosen", "rejected")} for row in rows]


def train(model, data, directory):
    common.train_mmpo(
        {
            "model_name_or_path": str(model),
            "dataset_name": str(data),
            "loss_type": "dpo",
            "learning_rate": 1e-5,
            "lr_scheduler_type": "constant",
            "max_steps": 2,
            "per_device_train_batch_size": 2,
            "gradient_accumulation_steps": 1,
            "logging_steps": 1,
            "bf16": False,
            "max_length": None,
            "save_strategy": "no",
            "seed": 0,
        },
        directory,
    )
    return directory / "mmpo" / "final"


def check_tensors(source, final, report):
    from safetensors import safe_open

    def describe(directory):
        with safe_open(directory / "model.safetensors", "pt") as file:
            return {name: (file.get_slice(name).get_shape(), file.get_slice(name).get_dtype()) for name in file.keys()}

    before, after = describe(source), describe(final)
    report.check("tensor names are the source's", before.keys() == after.keys(), ", ".join(before.keys() ^ after.keys()))
    shapes = [name for name in before.keys() & after.keys() if before[name][0] != after[name][0]]
    report.check("shapes are the source's", not shapes, ", ".join(shapes))
    dtypes = {dtype for _, dtype in after.values()}
    report.check("every tensor is F32, as it was trained", dtypes == {"F32"}, ", ".join(sorted(dtypes)))


def check_loading(source, final, report):
    """Returns the saved model in fp32."""
    import torch
    from transformers import AutoModelForCausalLM

    model, info = AutoModelForCausalLM.from_pretrained(final, output_loading_info=True)
    problems = {key: value for key, value in info.items() if value}
    report.check("transformers loads it with nothing missing or unexpected", not problems, str(problems or ""))
    report.check("config.json says float32", model.dtype == torch.float32, str(model.dtype))
    original = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32).state_dict()
    unchanged = [name for name, value in model.state_dict().items() if torch.equal(value, original[name])]
    report.check("training changed every tensor", not unchanged, ", ".join(unchanged[:4]))
    return model


def check_tokenizer(source, final, report):
    """Returns the saved one."""
    from transformers import AutoTokenizer

    tokenizers = [AutoTokenizer.from_pretrained(directory) for directory in (source, final)]
    encodings = [[tokenizer(text)["input_ids"] for text in TEXTS] for tokenizer in tokenizers]
    report.check("its tokenizer encodes as the source's", encodings[0] == encodings[1])
    specials = [(t.special_tokens_map, t.chat_template) for t in tokenizers]
    report.check("special tokens and chat template are the source's", specials[0] == specials[1])
    return tokenizers[1]


def token_ids(tokenizer, row):
    """Prompt ids and both completions' ids by TRL's rules."""
    if isinstance(row["prompt"], list):
        encode = lambda messages, **options: tokenizer.apply_chat_template(messages, **options)["input_ids"]
        prompt = encode(row["prompt"], add_generation_prompt=True)
        joint = [encode(row["prompt"] + row[key]) for key in ("chosen", "rejected")]
    else:
        end = tokenizer.eos_token
        texts = [row[key] if row[key].endswith(end) else row[key] + end for key in ("chosen", "rejected")]
        prompt = tokenizer(row["prompt"])["input_ids"]
        joint = [tokenizer(row["prompt"] + text)["input_ids"] for text in texts]
    if any(ids[: len(prompt)] != prompt for ids in joint):
        return None  # a token merged across the boundary: mmpo tokenizes the parts apart
    return prompt, [ids[len(prompt) :] for ids in joint]


def token_logps(model, prompt, completion):
    """Log-probabilities of the completion's tokens, and the largest logit that they come from."""
    import torch

    with torch.no_grad():
        logits = model(torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
        logps = logits.log_softmax(-1).gather(1, torch.tensor(completion)[:, None])[:, 0].double()
        return logps, logits.abs().max().item()


def check_logps(final, data, ids_of_rows, model, directory, report):
    """ids_of_rows: prompt and both completions of each row, None for one that is not compared."""
    output = directory / "logprobs.jsonl"
    common.mmpo(
        ["logprobs", "--model", final, "--data", data, "--output", output, "--per-token"], directory / "logprobs.log"
    )
    found = {entry["row"]: entry for entry in common.read_jsonl(output)}
    report.check("mmpo logprobs wrote every row", sorted(found) == list(range(len(ids_of_rows))), str(sorted(found)))
    values = []  # (transformers fp32, transformers float64, mmpo) of each row's completion
    for dtype in ("float", "double"):
        getattr(model, dtype)()
        for index, ids in enumerate(ids_of_rows):
            if ids is None or index not in found:
                continue
            for key, completion in zip(("chosen", "rejected"), ids[1]):
                values.append((dtype, index, key, *token_logps(model, ids[0], completion)))
    half = len(values) // 2
    compare_logps([(*single, double[3]) for single, double in zip(values[:half], values[half:])], found, report)


def check_model(name, directory, report):
    source = common.model_directory(name)
    rows = common.short_rows(FILES, 4, max_characters=300)
    if not (source / "chat_template.jinja").exists():
        rows = plain_rows(rows)
    data = directory / "rows.jsonl"
    common.write_jsonl(data, rows)
    final = train(source, data, directory)
    check_tensors(source, final, report)
    model = check_loading(source, final, report)
    tokenizer = check_tokenizer(source, final, report)
    check_logps(final, data, [token_ids(tokenizer, row) for row in rows], model, directory, report)


def check_architecture(name, directory, report):
    source = common.shared_file(f"golden/models/{name}")
    data = source / "pairs.jsonl"
    final = train(source, data, directory)
    check_tensors(source, final, report)
    model = check_loading(source, final, report)
    ids = [(row["prompt_ids"], [row["chosen_ids"], row["rejected_ids"]]) for row in common.read_jsonl(data)]
    check_logps(final, data, ids, model, directory, report)


def compare_logps(values, found, report):
    import torch

    own = mine = against = relative = 0.0
    wrong_lengths, count = [], 0
    for _, row, key, single, largest, double in values:
        mmpo = torch.tensor(found[row][f"{key}_token_logps"], dtype=torch.float64)
        if len(mmpo) != len(single):
            wrong_lengths.append(f"row {row} {key}: {len(mmpo)}, transformers {len(single)}")
            continue
        own = max(own, (single - double).abs().max().item())
        mine = max(mine, (mmpo - double).abs().max().item())
        against = max(against, (single - mmpo).abs().max().item())
        relative = max(relative, (single - mmpo).abs().max().item() / largest)
        count += len(mmpo)
    report.check("every completion has the tokens that transformers finds", not wrong_lengths, "; ".join(wrong_lengths))
    report.check(
        "logits are equal to 1e-5 of the largest",
        count > 0 and relative <= TOLERANCE,
        f"their log-probabilities at most {relative:.1e} of it apart",
    )
    allowed = TOLERANCE if own < TOLERANCE / 2 else TOLERANCE + 2 * own
    report.check(
        "log-probabilities are equal",
        count > 0 and against <= allowed,
        f"{count} tokens, at most {against:.1e} apart, {allowed:.1e} allowed"
        f" (from float64: transformers {own:.1e}, mmpo {mine:.1e})",
    )


def check_layouts(directory, report):
    import torch
    from transformers import AutoModelForCausalLM

    base = common.model_directory("stories260k")
    rows = layouts.rows(json.loads((base / "config.json").read_text())["vocab_size"])
    data = directory / "rows.jsonl"
    common.write_jsonl(data, rows)

    def built(name, change):
        source = layouts.Source(base)
        change(source)
        source.write(directory / name)
        return directory / name

    def reference(model_directory):
        model = AutoModelForCausalLM.from_pretrained(model_directory, dtype=torch.float32)
        values = {}
        for dtype in ("float", "double"):
            getattr(model, dtype)()
            for index, row in enumerate(rows):
                for key in ("chosen", "rejected"):
                    logps, largest = token_logps(model, row["prompt_ids"], row[f"{key}_ids"])
                    values.setdefault((index, key), []).append((logps, largest))
        return [("layout", *place, *single, double[0]) for place, (single, double) in values.items()]

    def logprobs(model, name):
        output = directory / f"{name}.jsonl"
        command = ["logprobs", "--model", model, "--data", data, "--output", output, "--per-token"]
        common.mmpo(command, directory / f"{name}.log")
        return {entry["row"]: entry for entry in common.read_jsonl(output)}

    for name, change in layouts.LAYOUTS.items():
        print(f" {name}")
        model = built(name, change)
        compare_logps(reference(model), logprobs(model, name), report)
    for name, (change, words) in layouts.REFUSED.items():
        print(f" {name}")
        output = directory / f"{name}.jsonl"
        command = ["logprobs", "--model", built(name, change), "--data", data, "--output", output]
        run = common.Run([common.REPOSITORY / "mmpo", *command], directory / f"{name}.log")
        log = run.log.read_text()
        report.check(f"refused with {words!r}", run.status == 3 and words in log, log.strip().splitlines()[-1])
    for name in ("head_only", "head_differs", "no_prefix", "extra_tensors"):
        print(f" {name}, saved")
        check_saved_layout(directory / name, data, directory / f"{name}-saved", report)


def check_saved_layout(source, data, directory, report):
    """A rate of 1e-12 leaves a model within rounding of its source: what is saved must compute what the source computes."""
    import torch
    from transformers import AutoModelForCausalLM

    settings = {
        "model_name_or_path": str(source),
        "dataset_name": str(data),
        "loss_type": "dpo",
        "learning_rate": 1e-12,
        "max_steps": 1,
        "bf16": False,
        "max_length": None,
        "save_strategy": "no",
    }
    common.train_mmpo(settings, directory)
    final = directory / "mmpo" / "final"
    saved, info = AutoModelForCausalLM.from_pretrained(final, dtype=torch.float32, output_loading_info=True)
    problems = {key: value for key, value in info.items() if value}
    report.check("transformers loads what is saved with nothing missing or unexpected", not problems, str(problems or ""))
    original = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    ids = torch.tensor([layouts.rows(original.config.vocab_size)[1]["prompt_ids"]])
    difference = (saved(ids).logits - original(ids).logits).abs().max().item()
    report.check("and computes what it computes from the source", difference <= 1e-4, f"logits {difference:.1e} apart")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS + ARCHITECTURES, action="append", help="default: all")
    parser.add_argument("--layouts", action="store_true", help="odd checkpoints instead of trained models")
    parser.add_argument("--output", type=pathlib.Path, help="keep the files here")
    options = parser.parse_args()
    common.use_peer_python()
    common.require_packages("torch", "transformers", "safetensors")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from transformers.utils import logging

    logging.disable_progress_bar()
    report = Report()
    with tempfile.TemporaryDirectory() as temporary:
        if options.layouts:
            check_layouts((options.output or pathlib.Path(temporary)).resolve(), report)
        for name in () if options.layouts else options.model or MODELS + ARCHITECTURES:
            print(name)
            directory = (options.output or pathlib.Path(temporary)).resolve() / name
            directory.mkdir(parents=True, exist_ok=True)
            check = check_architecture if name in ARCHITECTURES else check_model
            check(name, directory, report)
    print(f"{report.failures or 'no'} failures")
    sys.exit(1 if report.failures else 0)


if __name__ == "__main__":
    main()

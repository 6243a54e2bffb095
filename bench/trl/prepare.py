"""Writes what the bench's programs read: pairs as token ids, and a model of SmolLM2-135M's shape with random weights.

usage: prepare.py rows WORKLOAD PAIRS OUTPUT.jsonl | prepare.py random-model SOURCE_DIRECTORY OUTPUT_DIRECTORY
"""

import os
import pathlib
import random
import shutil
import sys

import common

MAX_PROMPT, MAX_COMPLETION = 1800, 512  # the paper's limits
SEED = 20251022


def ultrafeedback(pairs, max_prompt, max_completion):
    """Rows of UltraFeedback-binarized (83% of the paper's pairs; Orca's are not at hand), cut to the given limits.

    The rows are sorted by their number of tokens and divided into as many equal strata as pairs are wanted; the middle
    row of each is taken. So a small set has the lengths of the whole: its mean and its long tail.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(common.model_directory("smollm2-135m-instruct"))

    def encode(messages, **options):
        return tokenizer.apply_chat_template(messages, **options)["input_ids"]

    rows = []
    for row in common.read_jsonl(common.shared_file("data/preference/ultrafeedback_train.jsonl")):
        prompt = encode(row["prompt"], add_generation_prompt=True)
        completions = [encode(row["prompt"] + row[key])[len(prompt) :][:max_completion] for key in ("chosen", "rejected")]
        if completions[0] != completions[1]:
            rows.append({"prompt_ids": prompt[-max_prompt:], "chosen_ids": completions[0], "rejected_ids": completions[1]})
    rows.sort(key=lambda row: sum(map(len, row.values())))
    sample = [rows[int((stratum + 0.5) * len(rows) / pairs)] for stratum in range(pairs)]
    random.Random(SEED).shuffle(sample)
    return sample


def fixed_lengths(pairs, prompt, completion):
    """Random ids: what is computed does not depend on which tokens they are."""
    draw = random.Random(SEED)
    sequence = lambda length: [draw.randrange(100, 49152) for _ in range(length)]
    return [
        {"prompt_ids": sequence(prompt), "chosen_ids": sequence(completion), "rejected_ids": sequence(completion)}
        for _ in range(pairs)
    ]


WORKLOADS = {
    "ultrafeedback": lambda pairs: ultrafeedback(pairs, MAX_PROMPT, MAX_COMPLETION),
    "ultrafeedback-192": lambda pairs: ultrafeedback(pairs, 192, 192),
    "prompt-200": lambda pairs: fixed_lengths(pairs, 200, 128),
    "prompt-1800": lambda pairs: fixed_lengths(pairs, 1800, 128),
}


def write_random_model(source, output):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(SEED)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(source), dtype=torch.bfloat16)
    part = output.with_name(f"{output.name}.{os.getpid()}.part")
    model.save_pretrained(part)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(source / name, part / name)
    part.rename(output)


def main(command, *arguments):
    common.require_packages("torch", "transformers")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if command == "rows":
        workload, pairs, output = arguments
        common.write_jsonl(output, WORKLOADS[workload](int(pairs)))
    else:
        write_random_model(*map(pathlib.Path, arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])

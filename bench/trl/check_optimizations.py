#!/usr/bin/env python3
"""The same training run with an optimization of the core switched off at a time: its loss and norm must be the same, but for rounding.

Trains stories260k, and with --model smollm2-135m-instruct that model, in fp32 on real rows with DPO and with MMPO: once as it comes,
then with smaller instruction sets (AVX-512 without matrix units; AVX2, whose matrix products are LibTorch's own), one thread,
each way of recomputing, several micro-batches in place of one (DPO; MMPO normalises over a micro-batch), and, for MMPO, with the rejected
completions scored in no step but the last. Exit status: 0 equal, 1 different, 77 skipped because something is missing.
"""

import argparse
import pathlib
import sys
import tempfile

import common

TOLERANCES = {"loss": (1e-5, 1e-5), "grad_norm": (0, 1e-3), "learning_rate": (1e-12, 1e-9)}
# name: (environment, settings)
OF_BOTH_LOSSES = {
    "AVX-512": ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}, {}),
    "AVX2": ({"ATEN_CPU_CAPABILITY": "avx2"}, {}),
    "one thread": ({"OMP_NUM_THREADS": "1"}, {}),
    "nothing recomputed": ({}, {"gradient_checkpointing": "none"}),
    "all recomputed": ({}, {"gradient_checkpointing": "full"}),
}
FILES = ("rasbt_politeness_train.jsonl", "hh_harmless_train.jsonl")


def variants(loss, num_steps):
    if loss == "dpo":
        alone = {"four micro-batches": ({}, {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 4})}
    else:
        alone = {"rejected and reference scored in the last step": ({}, {"logging_steps": num_steps})}
    return {**OF_BOTH_LOSSES, **alone}


def settings(options, loss, rows):
    return {
        "model_name_or_path": str(common.model_directory(options.model)),
        "dataset_name": str(rows),
        "loss_type": loss,
        "learning_rate": 1e-4 if options.model == "stories260k" else 1e-5,
        "beta": 0.1 if loss == "dpo" else 0.01,
        "max_steps": options.steps,
        "per_device_train_batch_size": 4,
        "logging_steps": 1,
        "save_strategy": "no",
        "bf16": False,
        "max_length": None,
    }


def plain(row):
    """The row without its messages: stories260k has no chat template."""
    return {key: "".join(message["content"] for message in messages) for key, messages in row.items()}


def steps(config, directory, environment=None):
    lines = common.train_mmpo(config, directory, environment=environment)["metrics"]
    return [line for line in lines if "loss" in line]


def check(options, loss, directory):
    """The number of values that differ."""
    directory.mkdir()
    rows = directory / "rows.jsonl"
    common.write_jsonl(rows, map(plain, common.short_rows(FILES, options.rows_per_file, max_characters=500)))
    config = settings(options, loss, rows)
    wanted = steps(config, directory / "as it comes")
    differences = 0
    for name, (environment, changes) in variants(loss, options.steps).items():
        found = steps({**config, **changes}, directory / name, environment)
        expected = [row for row in wanted if row["step"] in {f["step"] for f in found}]
        print(f"\n== {loss}, {options.model}: {name}")
        differences += common.compare_metrics(expected, found, TOLERANCES, titles=("as it comes", "switched off"))
    return differences


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("stories260k", "smollm2-135m-instruct"), default="stories260k")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rows-per-file", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        differences = sum(check(options, loss, pathlib.Path(temporary) / loss) for loss in ("dpo", "mmpo"))
    print(f"\n{options.model}, {options.steps} steps: {differences or 'no'} values differ")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()

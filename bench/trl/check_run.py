#!/usr/bin/env python3
"""The same rows, settings and model give TRL's own run: loss, norm, rate, rewards and log-probabilities at every step.

TRL's DPOTrainer (with --loss mmpo the paper's listing inside it, with --loss orpo its ORPOTrainer) trains the 135M model in fp32 for
a few steps, each over the whole set of real rows, so that the order of rows does not matter; then `mmpo train` does the same.
Both programs read the same conversational rows and tokenize them themselves, save TRL's ORPOTrainer, which tokenizes by older rules
and gets the ids of DPOTrainer's.

transformers gives the padding token no gradient from its use as an input (nn.Embedding's padding_idx), and SmolLM2 pads with
its end-of-turn token, which is in every prompt. mmpo has no padding and leaves nothing out, so the embedding's gradient
differs in that row, and the norm by about 1e-4. --whole-embedding-gradient switches padding_idx off in TRL's model and
holds the norm to 2e-5. Exit status: 0 equal, 1 different, 77 skipped because something is missing.
"""

import argparse
import json
import pathlib
import sys
import tempfile

import common

# (absolute, relative). Rewards are beta times a difference of log-probabilities that are sums of up to a hundred fp32
# terms, each good to about 1e-5; MMPO's rewards are such sums themselves, so its bound is that of logps.
DPO_TOLERANCES = {
    "loss": (3e-4, 0),
    "grad_norm": (0, 2e-3),  # torch's own float32 norm is that far off: see trl_train.ExactNorm
    "grad_norm_float64": (0, 5e-4),  # padding_idx
    "learning_rate": (1e-12, 1e-9),
    "rewards/chosen": (5e-4, 1e-3),
    "rewards/rejected": (5e-4, 1e-3),
    "rewards/margins": (5e-4, 1e-3),
    "rewards/accuracies": (1e-6, 0),  # a mean in float32
    "logps/chosen": (1e-3, 1e-5),
    "logps/rejected": (1e-3, 1e-5),
}
# In one micro-batch of three rows padding_idx is 5.0e-4 of ORPO's norm and 5.4e-4 of MMPO's.
ONE_BATCH_TOLERANCES = {**DPO_TOLERANCES, "grad_norm_float64": (0, 1e-3)}
MMPO_TOLERANCES = {
    **ONE_BATCH_TOLERANCES,
    "loss": (3e-4, 1e-5),
    "rewards/chosen": (1e-3, 1e-5),
    "rewards/rejected": (1e-3, 1e-5),
    "rewards/margins": (2e-3, 1e-5),
}
WHOLE_EMBEDDING_TOLERANCES = {
    "grad_norm_float64": (0, 2e-5),
}
# What each name of --loss sets, by keys that both programs have.
LOSSES = {
    "dpo": {"loss_type": "sigmoid"},
    "mmpo": {"beta": 0.01},
    "ipo": {"loss_type": "ipo"},
    "apo_zero": {"loss_type": "apo_zero"},
    "sft_mixture": {"loss_type": ["sigmoid", "bco_pair", "sft"], "loss_weights": [0.8, 0.2, 0.5]},
    "hinge_js": {"loss_type": "hinge", "f_divergence_type": "js_divergence"},
    "ld_dpo": {"loss_type": "sigmoid", "ld_alpha": 0.4},
    "wpo": {"loss_type": "sigmoid", "use_weighting": True},
    "orpo": {},
}
FILES = ("rasbt_politeness_train.jsonl", "hh_harmless_train.jsonl", "ultrafeedback_train.jsonl")


def settings(steps, batch, accumulation):
    """Arguments that both programs know by the same names."""
    return {
        "learning_rate": 2e-5,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 1,
        "max_steps": steps,
        "per_device_train_batch_size": batch,
        "gradient_accumulation_steps": accumulation,
        "optim": "adamw_torch",
        "weight_decay": 0.1,
        "max_grad_norm": 1.0,
        "beta": 0.1,
        "bf16": False,
        "gradient_checkpointing": False,
        "logging_steps": 1,
        "max_length": None,
        "seed": 0,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loss", choices=LOSSES, default="dpo")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--rows-per-file", type=int, default=2, help=f"of each of {', '.join(FILES)}")
    parser.add_argument("--whole-embedding-gradient", action="store_true")
    parser.add_argument("--output", type=pathlib.Path, help="keep both programs' files here")
    parser.add_argument("--trl-only", action="store_true", help="print TRL's numbers and stop")
    options = parser.parse_args()
    common.use_peer_python()
    common.require_packages("torch", "transformers", "trl")
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(check(options, (options.output or pathlib.Path(temporary)).resolve()))


def check(options, directory):
    rows = common.short_rows(FILES, options.rows_per_file, max_characters=500)
    if options.loss == "dpo" and len(rows) % 2:
        raise SystemExit(f"--rows-per-file must be even: {len(rows)} rows are not two micro-batches of one size")
    directory.mkdir(parents=True, exist_ok=True)
    data = directory / "rows.jsonl"
    common.write_jsonl(data, rows)
    model = str(common.model_directory("smollm2-135m-instruct"))
    # Some losses couple the pairs of a micro-batch (MMPO's minimum and maximum, the mean over chosen tokens): one micro-batch, so that
    # both programs see the same pairs in it.
    batch, accumulation = (len(rows) // 2, 2) if options.loss == "dpo" else (len(rows), 1)
    common_settings = {**settings(options.steps, batch, accumulation), **LOSSES[options.loss]}

    trl = common.train_trl(
        {
            "model": model,
            "rows": str(data),
            "loss": options.loss,
            "dtype": "float32",
            "attention": "sdpa",
            "exact_norm": True,
            "whole_embedding_gradient": options.whole_embedding_gradient,
            "arguments": {**common_settings, **({} if options.loss == "orpo" else {"precompute_ref_log_probs": True})},
        },
        directory,
    )
    if options.trl_only:
        print(json.dumps(trl, indent=1))
        return 0
    config = {"model_name_or_path": model, "dataset_name": str(data), "loss_type": options.loss, **common_settings}
    found = common.train_mmpo({**config, "save_strategy": "no"}, directory)
    tolerances = {"dpo": DPO_TOLERANCES, "mmpo": MMPO_TOLERANCES}.get(options.loss, ONE_BATCH_TOLERANCES)
    if options.whole_embedding_gradient:
        tolerances = {**tolerances, **WHOLE_EMBEDDING_TOLERANCES}
    steps = [{**row, "grad_norm_float64": row["grad_norm"]} for row in found["metrics"] if "loss" in row]
    differences = common.compare_metrics(trl["metrics"], steps, tolerances)
    print(f"\n{options.loss}, {len(rows)} rows, {options.steps} steps: {differences or 'no'} values differ")
    return 1 if differences else 0


if __name__ == "__main__":
    main()

"""One training run of TRL's DPOTrainer or ORPOTrainer, described by a JSON file, its metrics and times written to another.

usage: trl_train.py SPECIFICATION.json RESULT.json
Specification: model (directory), rows (JSONL, conversational or token ids), loss (mmpo, orpo, or another word for DPOTrainer with its arguments), dtype of the weights,
attention (transformers' attn_implementation), lora (LoraConfig's arguments, or null), arguments (DPOConfig's own), exact_norm (with logging_steps 1: the norm in
float64 too), whole_embedding_gradient (see check_run.py).
"""

import inspect
import json
import os
import sys
import textwrap
import time

import common

common.require_packages("torch", "transformers", "trl")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import torch.nn.functional as F
from datasets import Dataset
from transformers import AutoTokenizer, TrainerCallback
from trl import DPOConfig, DPOTrainer

REWARD_EPSILON = 0.9  # the paper's r_epsilon


class TokenIdsTrainer(DPOTrainer):
    """DPOTrainer that takes rows of prompt_ids, chosen_ids and rejected_ids as they are, and times the reference pass."""

    reference_seconds = 0.0

    def _prepare_dataset(self, dataset, *arguments):
        return dataset if "prompt_ids" in dataset.column_names else super()._prepare_dataset(dataset, *arguments)

    def _precompute_ref_logps(self, *arguments):
        started = time.perf_counter()
        result = super()._precompute_ref_logps(*arguments)
        self.reference_seconds += time.perf_counter() - started
        return result


def mmpo_listing(chosen_logps, rejected_logps, ref_chosen_logps, ref_rejected_logps, beta):
    """The paper's listing: losses [B] and the scores s_w, s_l [B]. One process, so nothing is gathered over ranks."""
    reward_w = REWARD_EPSILON + beta * ref_chosen_logps
    reward_l = 0.1 + beta * ref_rejected_logps
    rewards = torch.cat([reward_w, reward_l])
    low, high = rewards.min(), rewards.max()
    score_w = chosen_logps + (reward_w + 1e-6 - low) / (high + 1e-6 - low)
    score_l = rejected_logps + (reward_l + 1e-6 - low) / (high + 1e-6 - low)
    losses = -torch.logsumexp(torch.stack([score_w, score_l]), dim=0) - F.logsigmoid(score_w - score_l)
    return losses, score_w.detach(), score_l.detach()


def with_changed_source(trainer_class, method, changes, names):
    """The trainer with parts of a method's source exchanged, each of which must be there once. names: what the new ones read."""
    source = textwrap.dedent(inspect.getsource(getattr(trainer_class, method)))
    for old, new in changes:
        if source.count(old) != 1:
            raise SystemExit(f"TRL's {trainer_class.__name__}.{method} no longer holds {old!r} exactly once")
        source = source.replace(old, new)
    module = sys.modules[trainer_class.__module__]
    namespace = {**vars(module), **names}
    exec(compile(source, inspect.getsourcefile(module), "exec"), namespace)
    return namespace[method]


def with_mmpo_listing(trainer_class):
    """The trainer with three lines of TRL's `_compute_loss` exchanged: the loss, and the rewards that it logs.

    The step is one long method in TRL, so its source is edited: everything else of it (the forward passes, the
    reference model, the metrics) stays what TRL users run.
    """
    arguments = "chosen_logps, rejected_logps, ref_chosen_logps, ref_rejected_logps, self.beta"
    loss_line = 'if loss_type == "sigmoid":\n            per_sequence_loss = -F.logsigmoid(self.beta * delta_score)'
    changes = (
        (loss_line, f'if loss_type == "sigmoid":\n            per_sequence_loss, score_w, score_l = mmpo_listing({arguments})'),
        ("chosen_rewards = self.beta * chosen_logratios.detach()", "chosen_rewards = score_w"),
        ("rejected_rewards = self.beta * rejected_logratios.detach()", "rejected_rewards = score_l"),
    )
    method = with_changed_source(DPOTrainer, "_compute_loss", changes, {"mmpo_listing": mmpo_listing})
    return type("MmpoTrainer", (trainer_class,), {"_compute_loss": method})


def orpo_classes():
    """ORPOConfig, and ORPOTrainer for rows of prompt_ids, chosen_ids and rejected_ids, which it would tokenize by rules of its own.

    One line of it is exchanged: its likelihood term is over prompt and answer, where the paper has the answer's, as mmpo.
    """
    from trl.experimental.orpo import ORPOConfig, ORPOTrainer

    def tokenize_row(self, feature, model=None):
        row = {"prompt_input_ids": feature["prompt_ids"], "prompt_attention_mask": [1] * len(feature["prompt_ids"])}
        for side in ("chosen", "rejected"):
            ids = feature["prompt_ids"] + feature[f"{side}_ids"]
            row[f"{side}_input_ids"] = ids
            row[f"{side}_attention_mask"] = [1] * len(ids)
            row[f"{side}_labels"] = [-100] * len(feature["prompt_ids"]) + feature[f"{side}_ids"]
        return row

    whole = "labels = torch.where(attention_mask == 1, labels, -100)"
    answer = 'labels = concatenated_batch["concatenated_labels"].clone()'
    method = with_changed_source(ORPOTrainer, "concatenated_forward", [(whole, answer)], {})
    return ORPOConfig, type("OrpoTrainer", (ORPOTrainer,), {"concatenated_forward": method, "tokenize_row": tokenize_row})


def token_ids(tokenizer, row):
    """The row as ids, by DPOTrainer's rules; the texts are what ORPOTrainer must find and does not read."""
    prompt, *joint = [
        tokenizer.apply_chat_template(messages, **options)["input_ids"]
        for messages, options in (
            (row["prompt"], {"add_generation_prompt": True}),
            (row["prompt"] + row["chosen"], {}),
            (row["prompt"] + row["rejected"], {}),
        )
    ]
    if any(ids[: len(prompt)] != prompt for ids in joint):
        raise SystemExit("a token merges prompt and completion, so the rows have no ids that both programs agree on")
    ids = {f"{side}_ids": both[len(prompt) :] for side, both in zip(("chosen", "rejected"), joint)}
    return {"prompt": "", "chosen": "", "rejected": "", "prompt_ids": prompt, **ids}


class StepClock(TrainerCallback):
    """Seconds from the end of one step to the end of the next: data, logging and the update included."""

    def __init__(self):
        self.seconds = []

    def on_train_begin(self, *arguments, **named):
        self.last = time.perf_counter()

    def on_step_end(self, *arguments, **named):
        now = time.perf_counter()
        self.seconds.append(now - self.last)
        self.last = now


class ExactNorm(TrainerCallback):
    """The gradient's norm before clipping, summed in float64.

    torch's own float32 norm of a large tensor on a CPU comes out too small, because its running sum outgrows its
    addends: by 1.6e-3 for the 28 million elements of a SmolLM2 embedding of normal numbers.
    """

    def __init__(self, max_grad_norm):
        self.max_grad_norm = max_grad_norm
        self.clipped_norms = []

    def on_pre_optimizer_step(self, arguments, state, control, model, **named):
        squares = [parameter.grad.double().square().sum().item() for parameter in model.parameters()]
        self.clipped_norms.append(sum(squares) ** 0.5)

    def before_clipping(self, reported):
        """clip_grad_norm_ has scaled the gradient by max_grad_norm / (reported + 1e-6) where that is below 1."""
        return [
            norm / min(1.0, self.max_grad_norm / (total + 1e-6)) for norm, total in zip(self.clipped_norms, reported)
        ]


def lora_config(arguments):
    if arguments is None:
        return None
    common.require_packages("peft")
    from peft import LoraConfig

    return LoraConfig(**arguments)


def main(specification_path, result_path):
    with open(specification_path) as file:
        specification = json.load(file)
    tokenizer = AutoTokenizer.from_pretrained(specification["model"])
    is_orpo = specification["loss"] == "orpo"
    config_class, trainer_class = orpo_classes() if is_orpo else (DPOConfig, TokenIdsTrainer)
    if specification["loss"] == "mmpo":
        trainer_class = with_mmpo_listing(trainer_class)
    arguments = config_class(
        output_dir=result_path + ".run",
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        dataloader_pin_memory=False,
        model_init_kwargs={"dtype": specification["dtype"], "attn_implementation": specification["attention"]},
        **specification["arguments"],
    )
    rows = common.read_jsonl(specification["rows"])
    clock, norm = StepClock(), ExactNorm(arguments.max_grad_norm)
    trainer = trainer_class(
        model=specification["model"],
        args=arguments,
        train_dataset=Dataset.from_list([token_ids(tokenizer, row) for row in rows] if is_orpo else rows),
        processing_class=tokenizer,
        peft_config=lora_config(specification.get("lora")),
        callbacks=[clock, norm] if specification.get("exact_norm") else [clock],
    )
    if specification.get("whole_embedding_gradient"):
        trainer.model.get_input_embeddings().padding_idx = None
    trainer.train()
    metrics = [entry for entry in trainer.state.log_history if "loss" in entry]
    for entry, exact in zip(metrics, norm.before_clipping([entry["grad_norm"] for entry in metrics])):
        entry["grad_norm_float64"] = exact
    result = {
        "metrics": metrics,
        "step_seconds": clock.seconds,
        "reference_seconds": getattr(trainer, "reference_seconds", 0.0),
        "threads": torch.get_num_threads(),
    }
    with open(result_path, "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(*sys.argv[1:])

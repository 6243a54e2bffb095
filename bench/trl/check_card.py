#!/usr/bin/env python3
"""The README.md that a run leaves beside its final model is a model card that huggingface_hub reads, and the code in it runs.

A tiny model is trained for two steps, whole and with an adapter. ModelCard reads its front matter, and writes it again without
losing a key; the lines under "How to load it" are executed in the model's directory. Exit status: 0 as wanted, 1 not, 77 skipped
because something is missing.
"""

import os
import pathlib
import sys
import tempfile

import common


def main():
    common.use_peer_python()
    common.require_packages("torch", "transformers", "peft")
    os.environ["HF_HUB_OFFLINE"] = "1"
    rows = common.short_rows(("rasbt_politeness_train.jsonl",), 2, max_characters=300)
    with tempfile.TemporaryDirectory() as temporary:
        directory = pathlib.Path(temporary)
        common.write_jsonl(directory / "rows.jsonl", rows)
        problems = [problem for adapter in (False, True) for problem in check(directory, adapter)]
    print("\n".join(problems) or "model cards: read by huggingface_hub, and their code runs")
    return 1 if problems else 0


def check(directory, adapter):
    from huggingface_hub import ModelCard

    config = {
        "model_name_or_path": str(common.model_directory("stories260k")),
        "dataset_name": str(directory / "rows.jsonl"),
        "loss_type": "simpo",
        "max_steps": 2,
        "logging_steps": 1,
        "save_strategy": "no",
        "use_peft": adapter,
        "chat_template_path": str(chat_template(directory)),
    }
    run = directory / ("adapter" if adapter else "whole")
    common.train_mmpo(config, run)
    final = run / "mmpo" / "final"
    card = ModelCard.load(final / "README.md")
    wanted = {
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["mmpo", "lora", "simpo"] if adapter else ["mmpo", "simpo"],
    }
    found = card.data.to_dict()
    if found != wanted:
        yield f"{final}: front matter is {found}, wanted {wanted}"
    if ModelCard(str(card)).data.to_dict() != found:
        yield f"{final}: the card that huggingface_hub writes has other keys"
    code = card.text.split("```python\n")[1].split("```")[0]
    os.chdir(final)
    names = {}
    exec(code, names)
    ids = names["tokenizer"]("Once upon a time", return_tensors="pt")
    if not bool(names["model"](**ids).logits.isfinite().all()):
        yield f"{final}: the loaded model's logits are not finite"


def chat_template(directory):
    path = directory / "template.jinja"
    path.write_text("{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}")
    return path


if __name__ == "__main__":
    sys.exit(main())

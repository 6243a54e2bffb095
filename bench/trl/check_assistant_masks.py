#!/usr/bin/env python3
"""What `assistant_only_loss: true` learns equals what TRL's SFTTrainer learns: the same tokens in the same places, row by row.

Conversations of several turns, whole and split into prompt and completion, with odd contents (spaces at their ends, emoji, an empty answer
between others), through every chat template that TRL ships for training (those with {% generation %} marks), without a limit and with
max_length in both truncation modes. Rows whose prompt, rendered alone, does not begin the whole text are counted and left out, since TRL
cuts those at the wrong place. Exit status: 0 equal, 1 different, 77 skipped because something is missing.
"""

import argparse
import pathlib
import sys
import types

import common

common.use_peer_python()
common.require_packages("datasets", "transformers", "trl")

import datasets
import transformers
import trl
from check_tokens import KEYS, Ours
from trl import SFTConfig, SFTTrainer

FILES = ("hh_harmless_test.jsonl", "rasbt_politeness_test.jsonl", "ultrafeedback_test.jsonl")


def say(role, content):
    return {"role": role, "content": content}


def odd_conversations():
    return [
        [say("user", "Hi"), say("assistant", " begins and ends with a space "), say("user", "And?"), say("assistant", "\n\nlines\n\n")],
        [say("user", "\U0001f600 caf\u00e9"), say("assistant", "\U0001f44d\U0001f3fd na\u00efve \u4f60\u597d"), say("user", "\u2026"), say("assistant", "\U0001f680")],
        [say("system", "Be brief."), say("user", "One"), say("assistant", "1"), say("user", "Two"), say("assistant", "2"), say("user", "Three"), say("assistant", "3")],
        [say("user", "Nothing?"), say("assistant", ""), say("user", "Something"), say("assistant", "yes")],
    ]


def shapes(rows):
    whole = [row["prompt"] + row["chosen"] for row in rows] + odd_conversations()
    yield "messages", [{"messages": messages} for messages in whole]
    yield "prompt and completion", [{"prompt": messages[:-1], "completion": messages[-1:]} for messages in whole if messages[-1]["content"]]


def of_trl(tokenizer, template, rows, **limit):
    """{row: (ids, labels)} as SFTTrainer has them; it drops rows that have nothing to learn."""
    trainer = types.SimpleNamespace(_tokenizer=tokenizer, chat_template=template, completion_only_loss="completion" in rows[0])
    args = SFTConfig(output_dir="unused", assistant_only_loss=True, report_to=[], use_cpu=True, **{"max_length": None, **limit})
    numbered = datasets.Dataset.from_list([{**row, "row": i} for i, row in enumerate(rows)])
    prepared = SFTTrainer._prepare_dataset(trainer, numbered, tokenizer, args, False, None, "train")
    return {row["row"]: (row["input_ids"], row["labels"]) for row in prepared}


def opens_otherwise(tokenizer, template, row):
    """Whether the template opens an answer with what an answer does not have, so that TRL cuts at the wrong place."""
    if "prompt" not in row:
        return False
    render = lambda messages, **options: tokenizer.apply_chat_template(messages, chat_template=template, return_dict=False, **options)
    prompt, joint = render(row["prompt"], add_generation_prompt=True), render(row["prompt"] + row["completion"])
    return joint[: len(prompt)] != prompt


def learnt_by_trl(ids, labels):
    """(context, its end) of every token that has a loss: nothing predicts the first."""
    return [tuple(ids[: i + 1]) for i in range(1, len(ids)) if labels[i] != -100]


def learnt_by_us(line):
    ids = line["prompt_ids"] + line["completion_ids"]
    mask = line["mask"]["completion"]
    mask = [mask] * len(line["completion_ids"]) if isinstance(mask, int) else mask
    begin = len(line["prompt_ids"])
    return [tuple(ids[: begin + i + 1]) for i, counts in enumerate(mask) if counts]


def check(template_file, tokenizer, ours, rows):
    template = template_file.read_text(encoding="utf-8")
    compared = apart = 0
    for limit in ({}, {"max_length": 200, "truncation_mode": "keep_start"}, {"max_length": 200, "truncation_mode": "keep_end"}):
        for shape, shaped in shapes(rows):
            try:
                expected = of_trl(tokenizer, template, shaped, **limit)
            except Exception as refusal:  # a template may refuse such rows
                print(f"{template_file.name}, {shape}: TRL does not prepare these rows: {refusal}")
                continue
            try:
                lines = ours.inspect(shaped, "sft", assistant_only_loss=True, chat_template_path=str(template_file), **limit)
            except SystemExit as refusal:  # of all rows nothing is left to learn
                if "no row that can be used" not in str(refusal):
                    raise
                lines = []
            found = {line["row"]: learnt_by_us(line) for line in lines if "row" in line}
            for i, row in enumerate(shaped):
                if opens_otherwise(tokenizer, template, row):
                    apart += 1
                    continue
                want = learnt_by_trl(*expected[i]) if i in expected else []
                if found.get(i, []) != want:
                    raise SystemExit(f"{template_file.name}, {shape}, {limit}: row {i} differs: {shaped[i]}: {len(found.get(i, []))} tokens are learnt"
                                     f" here, {len(want)} there: {[c[-1] for c in found.get(i, [])]} and {[c[-1] for c in want]}")
                compared += 1
    print(f"{template_file.name}: {compared} rows equal" + (f", {apart} whose prompt is no prefix" if apart else ""), flush=True)
    return compared


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=("smollm2-135m-instruct", "stories260k"))
    parser.add_argument("--templates", nargs="*", help="only these of TRL's templates, qwen3_training say")
    parser.add_argument("--rows", type=int, default=6, help="so many rows of each file")
    parser.add_argument("--command", default=f"{common.REPOSITORY}/mmpo inspect-data")
    args = parser.parse_args()
    datasets.disable_progress_bars()
    transformers.logging.set_verbosity_error()
    rows = [{key: row[key] for key in KEYS} for name in FILES for row in common.read_jsonl(common.shared_file(f"data/preference/{name}"))[: args.rows]]
    files = sorted(pathlib.Path(trl.__file__).parent.glob("chat_templates/*_training.jinja"))
    total = 0
    for model in args.models:
        directory = common.model_directory(model)
        tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
        for file in files:
            if not args.templates or file.stem in args.templates:
                total += check(file, tokenizer, Ours(args.command, directory), rows)
    print(f"equal to TRL {trl.__version__}: {total} rows")
    return 0 if total else 1


if __name__ == "__main__":
    sys.exit(main())

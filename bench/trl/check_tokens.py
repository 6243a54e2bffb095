#!/usr/bin/env python3
"""The tokens of `mmpo inspect-data --json` equal those of TRL's own trainers, row by row and id by id.

For every model and data file: the rows ({prompt, chosen, rejected} with lists of messages) in every shape that is accepted
(conversation and plain text, explicit and implicit prompt, SFT messages, prompt and completion, text), without a limit and
with max_length in both truncation modes. DPOTrainer's and SFTTrainer's _prepare_dataset and DPO's collator make the expected
ids. --chat-templates renders the first rows with every chat template that TRL ships, too. --layouts compares plain text alone, with the
odd tokenizers of tokenizer_layouts.py.

What docs/data.md states as different is counted, not failed: rows with an empty completion, tokens that span the end of the
prompt, and the shared prompt of keep_end. Exit status: 0 equal, 1 different, 77 skipped because something is missing.
"""

import argparse
import itertools
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile
import types

import common

common.use_peer_python()
common.require_packages("datasets", "transformers", "trl")

import check_layouts
import datasets
import transformers
import trl
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

MODELS = ("smollm2-135m-instruct", "stories260k")
FILES = tuple(f"{name}_{split}.jsonl" for name in ("rasbt_politeness", "hh_harmless", "ultrafeedback") for split in ("test", "train"))
KEYS = ("prompt", "chosen", "rejected")


def join(messages):
    """A conversation as plain text."""
    return "".join(f"{m['role']}: {m['content']}\n" for m in messages)


def preference_shapes(rows):
    yield "conversation", rows
    yield "conversation, implicit prompt", [{k: r["prompt"] + r[k] for k in ("chosen", "rejected")} for r in rows]
    text = [{"prompt": join(r["prompt"]), **{k: r[k][0]["content"] for k in ("chosen", "rejected")}} for r in rows]
    yield "text", text
    yield "text, implicit prompt", [{k: r["prompt"] + r[k] for k in ("chosen", "rejected")} for r in text]
    yield "text, prompt without its last line break", [{**r, "prompt": r["prompt"].rstrip("\n")} for r in text]


def sft_shapes(rows):
    yield "messages", [{"messages": r["prompt"] + r["chosen"]} for r in rows]
    yield "prompt and completion, conversation", [{"prompt": r["prompt"], "completion": r["chosen"]} for r in rows]
    text = [{"prompt": join(r["prompt"]), "completion": r["chosen"][0]["content"]} for r in rows]
    yield "prompt and completion, text", text
    yield "text", [{"text": r["prompt"] + r["completion"]} for r in text]


def is_empty(row):
    """What this project drops as an empty completion."""
    for key in ("chosen", "rejected", "completion", "text", "messages"):
        value = row.get(key)
        if isinstance(value, str) and not value.strip():
            return True
        if isinstance(value, list) and not any(m["content"].strip() for m in value):
            return True
    return False


class Ours:
    def __init__(self, command, model):
        self.command, self.model = shlex.split(command), model

    def tokenize(self, rows, loss_type, **options):
        """{row: {segment: ids}} and the summary."""
        lines = self.inspect(rows, loss_type, **options)
        groups = {line["row"]: {k[:-4]: line[k] for k in line if k.endswith("_ids")} for line in lines if "row" in line}
        return groups, next(line["summary"] for line in lines if "summary" in line)

    def inspect(self, rows, loss_type, **options):
        """The JSON lines of inspect-data."""
        with tempfile.TemporaryDirectory() as directory:
            data = pathlib.Path(directory, "data.jsonl")
            data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
            config = {"model_name_or_path": str(self.model), "dataset_name": str(data), "output_dir": str(pathlib.Path(directory, "out")),
                      "loss_type": loss_type, "max_length": None, **options}
            file = pathlib.Path(directory, "config.yaml")
            file.write_text(json.dumps(config))  # JSON is YAML
            out = subprocess.run([*self.command, str(file), "--json", "--rows", str(len(rows))], capture_output=True, text=True)
        if out.returncode:
            sys.exit(f"{' '.join(self.command)} ended with {out.returncode}: {out.stderr}")
        return [json.loads(line) for line in out.stdout.splitlines()]


class Peer:
    """TRL's tokens: of each row the sequences it trains on, as (ids, mask), and None for rows it drops."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def preference(self, rows, max_length=None, truncation_mode="keep_start"):
        prepared = self.prepare_preference(rows)
        collator = DataCollatorForPreference(pad_token_id=0, max_length=max_length, truncation_mode=truncation_mode)
        result = []
        for row in prepared:
            if max_length is not None and truncation_mode == "keep_start" and len(row["prompt_ids"]) >= max_length:
                result.append(None)  # TRL's filter
                continue
            batch = collator([row])
            pair = []
            for ids, seen, mask in zip(batch["input_ids"], batch["attention_mask"], batch["completion_mask"]):
                length = int(seen.sum())
                pair.append((ids[:length].tolist(), mask[:length].tolist()))
            result.append(pair)
        return result

    def prepare_preference(self, rows):
        trainer = types.SimpleNamespace(_tokenizer=self.tokenizer)
        args = DPOConfig(output_dir="unused", max_length=None, report_to=[], use_cpu=True)
        prepared = DPOTrainer._prepare_dataset(trainer, datasets.Dataset.from_list(rows), self.tokenizer, args, "train")
        return [{k: row[k] for k in ("prompt_ids", "chosen_ids", "rejected_ids")} for row in prepared]

    def sft(self, rows, max_length=None, truncation_mode="keep_start"):
        trainer = types.SimpleNamespace(_tokenizer=self.tokenizer, chat_template=None, completion_only_loss="completion" in rows[0])
        args = SFTConfig(output_dir="unused", max_length=max_length, truncation_mode=truncation_mode, report_to=[], use_cpu=True)
        numbered = datasets.Dataset.from_list([{**row, "row": i} for i, row in enumerate(rows)])
        prepared = SFTTrainer._prepare_dataset(trainer, numbered, self.tokenizer, args, False, None, "train")
        result = [None] * len(rows)
        for row in prepared:
            result[row["row"]] = [(row["input_ids"], [int(label != -100) for label in row["labels"]])]
        return result


def scored(ids, mask):
    """The tokens that a loss counts: nothing predicts the first of a sequence."""
    return [token for token, counts in list(zip(ids, mask))[1:] if counts]


def require(holds, message):
    if not holds:
        raise SystemExit(message)


def compare(name, rows, groups, expected, spans, shared_prompt):
    """Every row that both keep must have the same scored tokens in the same context. Returns the counts."""
    counts = dict(compared=0, empty=0, merged=0, dropped_by_both=0, shorter_context=0)
    for i, row in enumerate(rows):
        ours, theirs = groups.get(i), expected[i]
        if is_empty(row):
            counts["empty"] += 1
            require(ours is None, f"{name}: row {i} has an empty completion but was kept")
            continue
        if ours is None and (theirs is None or all(not scored(*sequence) for sequence in theirs)):
            counts["dropped_by_both"] += 1
            continue
        require(ours is not None, f"{name}: row {i} was dropped, TRL keeps it")
        require(theirs is not None, f"{name}: row {i} was kept, TRL drops it")
        if spans[i]:
            counts["merged"] += 1
            continue
        for completion, (ids, mask) in zip([v for k, v in ours.items() if k != "prompt"], theirs):
            want = scored(ids, mask)
            context = ids[: len(ids) - len(want)]
            if shared_prompt and len(context) > len(ours["prompt"]):
                counts["shorter_context"] += 1
                context = context[len(context) - len(ours["prompt"]):]
            if shared_prompt and not any(m == 0 for m in mask):
                want, context = want[-len(completion):], ours["prompt"]  # TRL has lost the prompt, here its last token stays
            require(completion == want, f"{name}: row {i}: trained tokens differ: {completion[:20]} ... and {want[:20]} ...")
            require(ours["prompt"] == context, f"{name}: row {i}: contexts differ: {ours['prompt'][-20:]} and {context[-20:]}")
        counts["compared"] += 1
    return counts


def spans_boundary(tokenizer, rows):
    """Rows of plain text whose joint ids do not begin with the prompt's, so that TRL cuts at the wrong place."""
    def spans(row):
        if not isinstance(row.get("prompt"), str):
            return False
        prompt = tokenizer(row["prompt"])["input_ids"]
        joint = [tokenizer(row["prompt"] + row[k])["input_ids"] for k in ("chosen", "rejected", "completion") if k in row]
        return any(ids[: len(prompt)] != prompt for ids in joint)
    return [spans(row) for row in rows]


def check_file(file, args, tokenizer, ours, peer, total):
    rows = [{key: row[key] for key in KEYS} for row in common.read_jsonl(file)][: args.rows]
    modes = itertools.product(args.max_length, ("keep_start", "keep_end"))
    limits = [{}, *({"max_length": length, "truncation_mode": mode} for length, mode in modes)]
    for loss_type, shapes, tokens in (("dpo", preference_shapes, peer.preference), ("sft", sft_shapes, peer.sft)):
        for (shape, shaped), limit in itertools.product(shapes(rows), limits):
            conversation = any(isinstance(value, list) for value in shaped[0].values())
            if conversation and tokenizer.chat_template is None or limit and "implicit" in shape:
                continue
            name = f"{file.name}, {loss_type}, {shape}, {limit or 'no limit'}"
            parts = extracted(shaped) if loss_type == "dpo" else shaped
            spans = spans_boundary(tokenizer, parts)
            groups, summary = ours.tokenize(shaped, loss_type, **limit)
            shared_prompt = loss_type == "dpo" and limit.get("truncation_mode") == "keep_end"
            counts = compare(name, parts, groups, tokens(shaped, **limit), spans, shared_prompt)
            if summary["boundary_merges"] != counts["merged"]:
                raise SystemExit(f"{name}: {summary['boundary_merges']} boundary merges reported, {counts['merged']} found")
            print(name, {key: value for key, value in counts.items() if value}, flush=True)
            for key, value in counts.items():
                total[key] = total.get(key, 0) + value


def extracted(rows):
    return [row if "prompt" in row else trl.extract_prompt(row) for row in rows]


def check_templates(files, tokenizer, ours, peer, total):
    """Every chat template that TRL ships, on the first rows of every file."""
    rows = [{key: row[key] for key in KEYS} for file in files for row in common.read_jsonl(file)[:8]]
    for file in sorted(pathlib.Path(trl.__file__).parent.glob("chat_templates/*.jinja")):
        tokenizer.chat_template = file.read_text(encoding="utf-8")
        try:
            prepared = peer.prepare_preference(rows)
        except Exception as refusal:  # a template may refuse such rows, or want what only a processor of images has
            print(f"{file.name}: TRL does not render these rows: {refusal}")
            continue
        groups, _ = ours.tokenize(rows, "dpo", chat_template_path=str(file))
        same = merged = 0
        for i, row in enumerate(prepared):
            prompt = render(tokenizer, rows[i]["prompt"], add_generation_prompt=True)
            joint = [render(tokenizer, rows[i]["prompt"] + rows[i][key]) for key in ("chosen", "rejected")]
            if any(ids[: len(prompt)] != prompt for ids in joint):
                merged += 1  # TRL cuts at the wrong place
                continue
            want = {key[: -len("_ids")]: row[key] for key in row}
            if groups[i] != want:
                raise SystemExit(f"{file.name}: row {i} differs: {groups[i]} and {want}")
            same += 1
        print(f"{file.name}: {same} rows equal" + (f", {merged} whose prompt is no prefix" if merged else ""), flush=True)
        total["templates"] = total.get("templates", 0) + 1
        total["template_rows"] = total.get("template_rows", 0) + same


def render(tokenizer, messages, **options):
    return tokenizer.apply_chat_template(messages, return_dict=False, **options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--files", nargs="+", default=FILES, help="in data/preference of the shared directory")
    parser.add_argument("--rows", type=int, help="only so many rows of each file")
    parser.add_argument("--max-length", type=int, nargs="*", default=[256], help="limits beside none, in both truncation modes")
    parser.add_argument("--chat-templates", action="store_true", help="also with every chat template that TRL ships")
    parser.add_argument("--layouts", action="store_true", help="only tokenizers that are built here, in a minute or two")
    parser.add_argument("--command", default=f"{common.REPOSITORY}/mmpo inspect-data")
    args = parser.parse_args()
    datasets.disable_progress_bars()
    transformers.logging.set_verbosity_error()
    if args.layouts:
        return int(check_layouts.check(shlex.split(args.command)) > 0)
    files = [common.shared_file(f"data/preference/{name}") for name in args.files]
    total = {}
    for model in args.models:
        directory = common.model_directory(model)
        tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
        ours, peer = Ours(args.command, directory), Peer(tokenizer)
        for file in files:
            check_file(file, args, tokenizer, ours, peer, total)
        if args.chat_templates and tokenizer.chat_template:
            check_templates(files, tokenizer, ours, peer, total)
    print(f"equal to TRL {trl.__version__}: {total}")


if __name__ == "__main__":
    sys.exit(main())

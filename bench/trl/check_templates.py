#!/usr/bin/env python3
"""Chat templates give the text that transformers gives, or an error where Jinja2 raises one.

Templates of template_cases.py, random expressions among them, and every template that TRL ships, over a conversation with tools and tool calls.
Each is the `chat_template_kwargs.chat_template` of a row, so one run of `mmpo inspect-data --json` renders them all; the ids of a row must
be those of the text that transformers' environment renders. Templates that Jinja2 refuses are run one by one, --errors of them: exit
status 3, and a message that names file and row. Exit status: 0 equal, 1 different, 77 skipped because something is missing.
"""

import argparse
import json
import pathlib
import random
import re
import shlex
import subprocess
import sys
import tempfile
import warnings

import common

common.use_peer_python()
common.require_packages("transformers", "trl")

import transformers
import trl
from transformers.utils.chat_template_utils import _compile_jinja_template

import template_cases

TOOLS = [{"type": "function", "function": {"name": "get_sun", "description": "The sun's place.", "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "description": "Where"}}, "required": ["city"]},
    "return": {"type": "string"}}}]
CALL = {"type": "function", "function": {"name": "get_sun", "arguments": {"city": "Oslo"}}}
CONVERSATIONS = [
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": " Yes.\n"}]},
    {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "<think>a</think>b"}]},
    {"messages": [{"role": "user", "content": "Sun?"}, {"role": "assistant", "content": "", "tool_calls": [CALL]},
                  {"role": "tool", "name": "get_sun", "content": "low"}, {"role": "assistant", "content": "It is low."}], "tools": TOOLS},
]
END = "{{ 'the end.' }}"  # no row is empty
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def rendered(template, messages, tools, variables):
    """The text, or None where Jinja2 raises. Constants are not folded: that is done by other rules than the language's own."""
    try:
        environment = _compile_jinja_template("").environment.overlay(optimized=False)
        text = environment.from_string(template).render(
            messages=messages, tools=tools, documents=None, add_generation_prompt=False, **{**SPECIAL, **variables})
        text.encode()
        return None if " at 0x" in text else text  # the address of an object
    except Exception:  # whatever it is, the row must fail here too
        return None


def rows(arguments):
    """Each row with the text that it must become."""
    variables = template_cases.VARIABLES
    for template in template_cases.cases(arguments.random, arguments.seed):
        messages = CONVERSATIONS[0]["messages"]
        row = {"messages": messages, "chat_template_kwargs": {**variables, "chat_template": template + END}}
        yield row, rendered(template + END, messages, None, json.loads(json.dumps(variables)))
    for file in sorted((pathlib.Path(trl.__file__).parent / "chat_templates").glob("*.jinja")):
        for conversation in CONVERSATIONS:
            template = file.read_text(encoding="utf-8")
            if "strftime_now" in template:
                continue  # midnight
            row = {**conversation, "chat_template_kwargs": {"chat_template": template + END}}
            yield row, rendered(template + END, conversation["messages"], conversation.get("tools"), {})


def inspect(command, model, data_rows, directory):
    data = pathlib.Path(directory, "rows.jsonl")
    data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in data_rows), encoding="utf-8")
    config = pathlib.Path(directory, "config.yaml")
    config.write_text(json.dumps({"model_name_or_path": str(model), "dataset_name": str(data), "output_dir": str(pathlib.Path(directory, "out")),
                                  "loss_type": "sft", "max_length": None}))
    return subprocess.run([*command, str(config), "--json", "--rows", str(len(data_rows))], capture_output=True, text=True, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", default=f"{common.REPOSITORY}/mmpo inspect-data")
    parser.add_argument("--random", type=int, default=3000, help="random expressions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--errors", type=int, default=10, help="templates that Jinja2 refuses, run one by one")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    command = shlex.split(arguments.command)
    model = common.model_directory("stories260k")
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    all_rows = list(rows(arguments))
    good = [(row, text) for row, text in all_rows if text is not None]
    bad = [row for row, text in all_rows if text is None]
    different = 0
    with tempfile.TemporaryDirectory() as directory:
        while (out := inspect(command, model, [row for row, _ in good], directory)).returncode:
            line = re.search(r"rows\.jsonl, line (\d+)", out.stderr)
            if not line:
                sys.exit(f"inspect-data ended with {out.returncode}: {out.stderr}")
            row, text = good.pop(int(line[1]) - 1)
            different += 1
            print(f"refused here: {row['chat_template_kwargs']['chat_template'][:200]!r}\n  transformers: {text[:300]!r}\n  {out.stderr[:300]}")
        lines = [json.loads(line) for line in out.stdout.splitlines()]
        ours = {line["row"]: [i for key in line if key.endswith("_ids") for i in line[key]] for line in lines if "row" in line}
        for i, (row, text) in enumerate(good):
            want = tokenizer(text, add_special_tokens=False)["input_ids"]
            if ours.get(i) != want:
                different += 1
                print(f"different: {row['chat_template_kwargs']['chat_template'][:200]!r}\n  transformers: {text[:300]!r}\n  here: {tokenizer.decode(ours.get(i) or [])[:300]!r}")
        for row in random.Random(arguments.seed).sample(bad, min(arguments.errors, len(bad))):
            out = inspect(command, model, [row], directory)
            if out.returncode != 3 or "rows.jsonl, line 1" not in out.stderr or "chat template" not in out.stderr:
                different += 1
                print(f"no error of the row: {row['chat_template_kwargs']['chat_template'][:200]!r}: status {out.returncode}: {out.stderr[:500]}")
    print(f"{len(good)} templates rendered, {min(arguments.errors, len(bad))} of {len(bad)} refused ones tried, {different} different")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())

"""`check_tokens.py --layouts`: ids of mmpo and of transformers' AutoTokenizer for the tokenizers of tokenizer_layouts.py."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import tempfile

import transformers

import tokenizer_layouts

TEXTS = [
    "Hello there, the end.", " Hello", "the  the the.", "a\tb\n\n c   d", "I'd've 1234 12.5 5", "naïve café 東京 🙂 e\u0301", "<|user|>Hi <|bot|> ho",
    "x <|user|> y<|bot|>z", "<think>She smiled.</think>", "Hello</s> again</s>", " <s> x</s>  y", "HelloHello theme the", "<|bot|>", "<mask> a <mask>",
    "ünder  \u00a0 x", "  two spaces", "<|user|><|user|>", "ﬁne ＡＢＣ",
]
PAIRS = [
    ("Once upon a time", " there was a dog."), ("Hello <|user|>", " yes"), ("Q: 12?\n", "A: the 3"), ("Hi<|bot|>", "Hello"), ("the", "me"), (" a ", "b"),
    ("end</s>", " and more"), ("東", "京"), ("Hello", "</s>"),
]


def behind(tokenizer):
    """How many ids the post-processor puts behind a text."""
    bare, whole = tokenizer("a", add_special_tokens=False)["input_ids"], tokenizer("a")["input_ids"]
    for start in range(len(whole) - len(bare) + 1):
        if whole[start : start + len(bare)] == bare:
            return len(whole) - start - len(bare)
    raise SystemExit(f"{whole} does not contain {bare}")


def expected(tokenizer):
    """For every row (prompt ids or None, ids, whether a token spans the end of the prompt), as TRL tokenizes, cut at the prompt's end."""
    end, after = tokenizer.eos_token, behind(tokenizer)

    def ended(text):
        return text if text.endswith(end) else text + end

    for text in TEXTS:
        yield None, tokenizer(ended(text))["input_ids"], False
    for prompt, completion in PAIRS:
        whole = tokenizer(prompt)["input_ids"]
        ids, joint = whole[: len(whole) - after], tokenizer(prompt + ended(completion))["input_ids"]
        yield ids, joint, joint[: len(ids)] != ids


def rows():
    return [{"text": text} for text in TEXTS] + [{"prompt": prompt, "completion": completion} for prompt, completion in PAIRS]


def tokenize(command, directory):
    """mmpo's rows for a tokenizer; it reads no model to inspect data."""
    data, config = directory / "rows.jsonl", directory / "run.yaml"
    data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows()), encoding="utf-8")
    config.write_text(json.dumps({"model_name_or_path": str(directory), "dataset_name": str(data), "output_dir": str(directory / "out"),
                                  "loss_type": "sft", "max_length": None}))
    environment = {**os.environ, "MMPO_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -Xmx256m"}
    out = subprocess.run([*command, str(config), "--json", "--rows", "1000"], capture_output=True, text=True, env=environment)
    if out.returncode:
        return out.stderr.strip()
    return [json.loads(line) for line in out.stdout.splitlines()]


def differences(found, tokenizer):
    if isinstance(found, str):
        return [found]
    ours, summary = {line["row"]: line for line in found if "row" in line}, found[-1]["summary"]
    result, spans = [], 0
    for number, (row, (prompt, ids, span)) in enumerate(zip(rows(), expected(tokenizer))):
        spans += span
        line = ours.get(number)
        if line is None:
            result.append(f"{row} was dropped")
        elif not span:  # where a token spans the end TRL cuts at the wrong place, and mmpo tokenizes apart
            got = line["prompt_ids"] + line["completion_ids"]
            if got != ids or prompt is not None and line["prompt_ids"] != prompt:
                result.append(f"{row}: {line['prompt_ids']} + {line['completion_ids']}, transformers has {prompt} and {ids}")
    if summary["boundary_merges"] != spans:
        result.append(f"{summary['boundary_merges']} boundary merges reported, {spans} found")
    return result


def check(command):
    """Returns the number of layouts that differ."""
    different = 0
    with tempfile.TemporaryDirectory() as temporary, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        layouts = list(tokenizer_layouts.build(pathlib.Path(temporary)))
        results = pool.map(lambda layout: tokenize(command, layout[1]), layouts)
        for (name, directory), found in zip(layouts, results):
            problems = differences(found, transformers.AutoTokenizer.from_pretrained(directory))
            different += bool(problems)
            for problem in problems:
                print(f"{name}: {problem}", flush=True)
    print(f"{len(layouts) - different} of {len(layouts)} layouts equal to transformers {transformers.__version__}, {len(rows())} rows each")
    return different

#!/usr/bin/env python3
"""The same rows give lm-evaluation-harness's own log-likelihoods and verdicts, row by row.

Against verdicts that the harness left beside the 135M model (--stored): the ten tasks, zero-shot, every 4th row of each file and every
20th of race. And against the harness itself (--live), run here on the first rows of three tasks, with stories260k (given a chat template) or
with --live-model smollm2-135m-instruct, which takes a while on two cores: with three examples before each
question, in the model's chat template, and both, every example a turn; its own YAML of each task is given the local rows, and examples
are drawn from them. A task of generated text, which both programs read from one file, is compared as text. Both kinds without an option.

The harness is that of bench/eval/make-venv. Exit status: 0 equal, 1 different, 77 skipped because something is missing.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "trl"))
import common

os.environ["HF_HUB_OFFLINE"] = "1"
TASKS = "winogrande arc_easy piqa hellaswag openbookqa arc_challenge mmlu mathqa race commonsense_qa".split()
LIVE_TASKS = {"arc_easy": "arc/arc_easy.yaml", "winogrande": "winogrande/default.yaml", "hellaswag": "hellaswag/hellaswag.yaml"}
GENERATED = {
    "task": "completions",
    "dataset_path": "json",
    "output_type": "generate_until",
    "test_split": "test",
    "doc_to_text": "Question: {{question}}\nAnswer:",
    "doc_to_target": "{{choices.text[0]}}",
    "generation_kwargs": {"until": ["\n", "Question:"], "max_gen_toks": 24, "do_sample": False},
    "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True, "ignore_case": True}],
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stored", action="store_true", help="only against what the harness left beside the model")
    parser.add_argument("--live", action="store_true", help="only against the harness, run here")
    parser.add_argument("--limit", type=int, default=6, help="rows of each task that are asked live (6)")
    parser.add_argument("--live-model", default="stories260k", help="whose answers are compared live (stories260k)")
    parser.add_argument("--mmpo", default=str(common.REPOSITORY / "mmpo"), help="the command line, as words")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    return parser.parse_args()


def run_mmpo(options, model, data, output, tasks, *more):
    command = [*options.mmpo.split(), "eval", "lm", "--device=cpu", "--model", model, "--data", data, "--output", output]
    command += ["--tasks", ",".join(map(str, tasks)), *more]
    common.Run(command, f"{output}.log").checked("mmpo eval lm")


def samples(directory, task):
    return common.read_jsonl(pathlib.Path(directory) / f"samples_{task}.jsonl")


def allowed(value):
    return 1e-3 + 1e-5 * abs(value)


class Comparison:
    """Counts log-likelihoods and verdicts, and those that differ."""

    def __init__(self, title):
        self.title, self.rows, self.values, self.largest, self.different = title, 0, 0, 0.0, 0

    def differs(self, where, wanted, found):
        self.different += 1
        print(f"{self.title} {where}: wanted {wanted}, found {found}")

    def row(self, where, wanted, found, verdicts):
        """wanted, found: log-likelihoods, or texts; verdicts: name -> (wanted, found)."""
        self.rows += 1
        for a, b in zip(wanted, found, strict=True):
            self.values += 1
            if isinstance(a, str):
                if a != b:
                    self.differs(where, repr(a), repr(b))
                continue
            self.largest = max(self.largest, abs(a - b))
            if not abs(a - b) <= allowed(a):
                self.differs(where, a, b)
        for name, (a, b) in verdicts.items():
            if a != b:
                self.differs(f"{where} {name}", a, b)

    def print(self):
        print(f"{self.title:<34}{self.rows:>5} rows {self.values:>6} values  largest |difference| {self.largest:.1e}  {self.different} differ")
        return self.different


def stored_rows(data):
    """Every 4th row of each file, every 20th of race, as a data directory."""
    data.mkdir()
    for task in TASKS:
        rows = common.read_jsonl(common.shared_file(f"data/lm_eval/{task}.jsonl"))
        common.write_jsonl(data / f"{task}.jsonl", rows[:: 20 if task == "race" else 4])


def check_stored(options, directory):
    wanted = common.read_jsonl(common.shared_file("models/smollm2-135m-instruct/lm_eval.jsonl"))
    stored_rows(directory / "stored")
    run_mmpo(options, common.model_directory("smollm2-135m-instruct"), directory / "stored", directory / "found", ["all"])
    different = 0
    for task in TASKS:
        comparison = Comparison(f"stored {task}")
        found = {sample["doc"]["id"]: sample for sample in samples(directory / "found", task)}
        for row in (row for row in wanted if row["task"] == task):
            sample = found[row["id"]]
            verdicts = {name: (row[name], sample[name]) for name in ("acc", "acc_norm") if name in row}
            comparison.row(row["id"], row["loglikelihoods"], [score for score, _ in sample["filtered_resps"]], verdicts)
        different += comparison.print()
    return different


TEMPLATE = """{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + eos_token + '\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"""


def with_template(model, directory):
    """The model's directory, or one beside it that has a chat template too."""
    if (model / "chat_template.jinja").exists():
        return model
    copy = directory / "model"
    copy.mkdir()
    for file in model.iterdir():
        (copy / file.name).symlink_to(file.resolve())
    (copy / "chat_template.jinja").write_text(TEMPLATE)
    return copy


def live_cases(directory):
    generated = directory / "completions.yaml"
    generated.write_text(json.dumps({key: GENERATED[key] for key in GENERATED}, indent=1))  # JSON is YAML
    return [
        ("3 examples", list(LIVE_TASKS), 3, False),
        ("chat template", ["arc_easy", "hellaswag"], 0, True),
        ("chat template, 3 examples", ["arc_easy", "winogrande"], 3, True),
        ("generated, 1 example", [str(generated)], 1, False),
    ]


def check_live(options, directory):
    model = with_template(common.model_directory(options.live_model), directory)
    data = directory / "live"
    data.mkdir()
    for task in LIVE_TASKS:
        (data / f"{task}.jsonl").symlink_to(common.shared_file(f"data/lm_eval/{task}.jsonl"))
    (data / "completions.jsonl").symlink_to(common.shared_file("data/lm_eval/arc_easy.jsonl"))
    interpreter = subprocess.run(
        [pathlib.Path(__file__).with_name("make-venv")], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.strip()
    different = 0
    for title, tasks, shots, chat in live_cases(directory):
        request = {"model": str(model), "data": str(data), "tasks": tasks, "shots": shots, "chat": chat, "limit": options.limit}
        request_file, result_file = directory / "request.json", directory / "request.json.result"
        request_file.write_text(json.dumps(request))
        common.Run([interpreter, __file__, "--peer", request_file], directory / "harness.log").checked("the harness")
        output = directory / title.replace(" ", "-").replace(",", "")
        more = ["--limit", options.limit, "--num-fewshot", shots, *(["--apply-chat-template"] if chat else [])]
        run_mmpo(options, model, data, output, tasks, *map(str, more))
        for task, wanted in json.loads(result_file.read_text()).items():
            comparison = Comparison(f"{title}: {task}")
            for row, sample in zip(wanted, samples(output, task), strict=True):
                where = f"row {row['doc_id']}"
                given = [list(map(str, argument.values())) for argument in sample["arguments"].values()]
                if task != "completions" and given != row["arguments"]:
                    comparison.differs(f"{where}, context and continuation", row["arguments"], given)
                verdicts = {name: (float(row["metrics"][name]), sample[name]) for name in row["metrics"]}
                if task == "completions":
                    comparison.row(where, row["responses"], sample["filtered_resps"], verdicts)
                else:
                    comparison.row(where, [a for a, _ in row["responses"]], [a for a, _ in sample["filtered_resps"]], verdicts)
                    verdicts = {"greedy": ([b for _, b in row["responses"]], [b for _, b in sample["filtered_resps"]])}
                    comparison.row(where, [], [], verdicts)
                    comparison.rows -= 1
            different += comparison.print()
    return different


def peer(request_file):
    """The harness: runs what the request says, and leaves what it logs of every row."""
    import lm_eval
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks._yaml_loader import load_yaml

    request = json.loads(pathlib.Path(request_file).read_text())
    directory = pathlib.Path(lm_eval.__file__).parent / "tasks"
    tasks = []
    for task in request["tasks"]:
        config = json.loads(pathlib.Path(task).read_text()) if task.endswith(".yaml") else load_yaml(directory / LIVE_TASKS[task])
        rows = pathlib.Path(request["data"]) / f"{config['task']}.jsonl"
        for key in ("dataset_name", "training_split", "validation_split", "tag", "group"):
            config.pop(key, None)
        config.update(dataset_path="json", dataset_kwargs={"data_files": {"test": str(rows.resolve())}}, test_split="test", fewshot_split="test")
        tasks.append(ConfigurableTask(config=config))
    results = lm_eval.simple_evaluate(
        model=HFLM(pretrained=request["model"], dtype="float32", device="cpu", batch_size=4),
        tasks=tasks,
        num_fewshot=request["shots"],
        limit=request["limit"],
        apply_chat_template=request["chat"],
        fewshot_as_multiturn=request["chat"],
        bootstrap_iters=0,
        log_samples=True,
    )
    logged = {}
    for task, rows in results["samples"].items():
        logged[task] = [
            {
                "doc_id": row["doc_id"],
                "arguments": [list(map(str, argument)) for argument in row["arguments"]],
                "responses": row["filtered_resps"],
                "metrics": {name: row[name] for name in row["metrics"]},
            }
            for row in rows
        ]
    pathlib.Path(f"{request_file}.result").write_text(json.dumps(logged))


def main():
    options = arguments()
    if options.peer:
        print("lm_eval", importlib.metadata.version("lm_eval"))
        return peer(options.peer)
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        different = 0 if options.live else check_stored(options, directory)
        different += 0 if options.stored else check_live(options, directory)
    print("equal" if different == 0 else f"{different} differ")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())

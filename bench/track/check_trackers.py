#!/usr/bin/env python3
"""What `report_to` writes is read back by TensorBoard itself and by a local MLflow server, value by value.

A tiny model is trained for six steps, killed after MLflow has metrics of a step that no checkpoint has, and gone on with. TensorBoard's
EventAccumulator must then have every number of metrics.jsonl under its tag, once; so must MLflow, started here on a free port with a database of
its own, where the later value of a step that was done twice counts, and whose run must be FINISHED and hold the configuration. Run it with the interpreter that `bench/track/make-venv` prints. Exit status: 0 the same, 1 not,
77 skipped because something is missing.
"""

import json
import math
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "trl"))
import common

STEPS = 6


def main():
    try:
        import mlflow
        import tensorboard  # noqa: F401
    except ImportError as missing:
        common.skip(f"{missing.name} is absent; run `bench/track/make-venv` and this script with the interpreter that it prints")
    with tempfile.TemporaryDirectory() as temporary:
        directory = pathlib.Path(temporary)
        with server(directory) as address:
            os.environ["MLFLOW_TRACKING_URI"] = address
            os.environ["MLFLOW_EXPERIMENT_NAME"] = "mmpo checks"
            lines = train(directory)
            mlflow.set_tracking_uri(address)
            problems = list(compare("MLflow", from_mlflow(mlflow), expected(lines, lambda name: name)))
            problems += check_run(mlflow)
        problems += compare("TensorBoard", from_tensorboard(directory / "run"), expected(lines, tag))
    print("\n".join(problems) or f"TensorBoard and MLflow read all {sum(map(len, lines))} values of {len(lines)} lines")
    return 1 if problems else 0


class server:
    """A local tracking server, which answers when it is entered."""

    def __init__(self, directory):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.directory = directory

    def __enter__(self):
        address = f"http://127.0.0.1:{self.port}"
        self.log = open(self.directory / "mlflow.log", "wb")
        store = f"sqlite:///{self.directory}/mlflow.db"
        command = [sys.executable, "-m", "mlflow", "server", "--port", str(self.port), "--workers", "1", "--backend-store-uri", store]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log, cwd=self.directory)
        for _ in range(600):
            try:
                urllib.request.urlopen(address + "/health")
                return address
            except OSError:
                time.sleep(0.1)
        raise SystemExit(f"mlflow server did not start:\n{(self.directory / 'mlflow.log').read_text()[-2000:]}")

    def __exit__(self, *failure):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def train(directory):
    rows = common.short_rows(("rasbt_politeness_train.jsonl",), 4, max_characters=300)
    common.write_jsonl(directory / "rows.jsonl", rows)
    common.write_jsonl(directory / "many.jsonl", rows * 100)  # steps that last long enough to be broken off
    template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
    (directory / "template.jinja").write_text(template)
    config = {
        "model_name_or_path": str(common.model_directory("stories260k")),
        "dataset_name": str(directory / "many.jsonl"),
        "eval_dataset_name": str(directory / "rows.jsonl"),
        "chat_template_path": str(directory / "template.jinja"),
        "output_dir": str(directory / "run"),
        "loss_type": "simpo",
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 100,
        "max_steps": STEPS,
        "logging_steps": 1,
        "eval_strategy": "steps",
        "eval_steps": 2,
        "save_strategy": "steps",
        "save_steps": 2,
        "resume_from_checkpoint": True,
        "report_to": ["tensorboard", "mlflow"],
    }
    (directory / "config.yaml").write_text(json.dumps(config))
    kill_after(STEPS - 1, directory)
    common.mmpo(["train", directory / "config.yaml"], directory / "second.log")
    return common.read_jsonl(directory / "run" / "metrics.jsonl")


def kill_after(step, directory):
    """Trains until MLflow has the loss of that step, and ends the process as a crash would."""
    with open(directory / "first.log", "wb") as log:
        process = subprocess.Popen([common.REPOSITORY / "mmpo", "train", directory / "config.yaml"], stdout=log, stderr=log)
        while process.poll() is None and not has_loss(step, directory / "run" / "mlflow.json"):
            time.sleep(0.02)
        process.kill()
        process.wait()
    left = {path.name for path in (directory / "run").iterdir()}
    if "final" in left or f"checkpoint-{step - 1}" not in left or f"checkpoint-{step}" in left:
        raise SystemExit(f"the run was not killed between step {step} and its end; it left {sorted(left)}")


def has_loss(step, remembered):
    import mlflow

    if not remembered.exists():
        return False
    run = json.loads(remembered.read_text())
    history = mlflow.MlflowClient(run["server"]).get_metric_history(run["run_id"], "loss")
    return any(metric.step == step for metric in history)


def tag(name):
    return f"eval/{name[5:]}" if name.startswith("eval_") else f"train/{name}"


def expected(lines, name_of):
    """By name: the step and value of each number."""
    values = {}
    for line in lines:
        for name, value in line.items():
            if name != "step":
                values.setdefault(name_of(name), []).append((line["step"], value))
    return values


def from_tensorboard(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run))
    events.Reload()
    return {
        name: [(event.step, float(event.tensor_proto.float_val[0])) for event in events.Tensors(name)]
        for name in events.Tags()["tensors"]
    } | {name: [(event.step, event.value) for event in events.Scalars(name)] for name in events.Tags()["scalars"]}


def the_run(mlflow):
    (run,) = mlflow.search_runs(experiment_names=["mmpo checks"], output_format="list")
    return run


def from_mlflow(mlflow):
    """Of a step that was done twice the later value."""
    run = the_run(mlflow)
    client = mlflow.MlflowClient()
    histories = {}
    for name in run.data.metrics:
        by_step = {}
        for metric in sorted(client.get_metric_history(run.info.run_id, name), key=lambda metric: metric.timestamp):
            by_step.setdefault(metric.step, []).append(metric.value)
        histories[name] = [(step, values[-1]) for step, values in sorted(by_step.items())]
    return histories


def check_run(mlflow):
    run = the_run(mlflow)
    problems = []
    if run.info.status != "FINISHED":
        problems.append(f"MLflow: the run is {run.info.status}, wanted FINISHED")
    if run.info.run_name != "run" or run.data.params.get("loss_type") != "simpo":
        problems.append(f"MLflow: run {run.info.run_name} with loss_type {run.data.params.get('loss_type')}, wanted run with simpo")
    return problems


def compare(reader, found, wanted):
    """Numbers are float32 in TensorBoard's files. Two lines of one step (epoch is in each) are two events there, one metric in MLflow."""
    if set(found) != set(wanted):
        yield f"{reader}: names {sorted(found)}, wanted {sorted(wanted)}"
    for name in set(found) & set(wanted):
        last = dict(wanted[name])
        seen = dict(found[name])
        same = last.keys() == seen.keys() and all(
            math.isclose(seen[step], value, rel_tol=2e-7, abs_tol=1e-30) for step, value in last.items()
        )
        if not same:
            yield f"{reader}: {name} is {found[name]}, wanted {wanted[name]}"


if __name__ == "__main__":
    sys.exit(main())

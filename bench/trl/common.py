"""What the checks and the bench share: where things are, the two programs' processes, rows, and the comparison of metrics.

Only the standard library is imported here, so that a script can say in one line what Python lacks before it needs it.
"""

import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

os.environ["MMPO_CACHE"] = "no"  # every run of mmpo does all of its work, and leaves nothing behind
SKIPPED = 77  # automake's exit code for a test that could not run
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("MMPO_SHARED", REPOSITORY.parent / "shared"))
# Below this mean margin the policy is still the reference, and which of two equal rewards is greater is rounding.
NO_MARGIN = 1e-5
REQUIREMENTS = REPOSITORY / "bench" / "requirements.txt"


def skip(reason):
    print(f"skipped: {reason}", file=sys.stderr)
    sys.exit(SKIPPED)


def require_packages(*names):
    """Leaves with SKIPPED unless this Python has the packages in the versions of requirements.txt."""
    pinned = dict(line.split("==") for line in REQUIREMENTS.read_text().split() if "==" in line)
    for name in names:
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = None
        if found is None or found.split("+")[0] != pinned[name]:
            skip(
                f"{name}=={pinned[name]} is wanted, {sys.executable} has {found or 'none'};"
                f" run `bench/make-venv` and use bench/.venv/bin/python"
            )


def python():
    """The interpreter that holds the Python peer: MMPO_BENCH_PYTHON, else bench/.venv, else the one that runs this."""
    default = REPOSITORY / "bench" / ".venv" / "bin" / "python"
    return os.environ.get("MMPO_BENCH_PYTHON") or str(default if default.exists() else sys.executable)


def use_peer_python():
    """Starts the script again under the interpreter that holds the peer, unless it is running there already."""
    wanted = python()
    if os.path.abspath(wanted) != os.path.abspath(sys.executable):
        if not os.access(wanted, os.X_OK):
            skip(f"MMPO_BENCH_PYTHON is {wanted}, which is not a program")
        os.execv(wanted, [wanted, *sys.argv])


def shared_file(relative):
    path = SHARED / relative
    if not path.exists():
        skip(f"{path} is absent; set MMPO_SHARED to the directory with the test models and data")
    return path


def model_directory(name):
    """stories260k lies in the shared directory; a `fetch` beside a model prints where the whole model is."""
    directory = shared_file(f"models/{name}")
    fetch = directory / "fetch"
    if not fetch.exists():
        return directory
    return pathlib.Path(subprocess.run([fetch], check=True, stdout=subprocess.PIPE, text=True).stdout.strip())


def read_jsonl(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def write_jsonl(path, rows):
    with open(path, "w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def short_rows(files, per_file, max_characters):
    """The first `per_file` rows of each preference file that are short, with two different, non-empty answers."""
    rows = []
    for file in files:
        kept = 0
        for row in read_jsonl(shared_file(f"data/preference/{file}")):
            texts = [message["content"] for key in ("prompt", "chosen", "rejected") for message in row[key]]
            usable = all(texts) and row["chosen"] != row["rejected"] and sum(map(len, texts)) <= max_characters
            if usable and kept < per_file:
                rows.append({key: row[key] for key in ("prompt", "chosen", "rejected")})
                kept += 1
        if kept < per_file:
            raise SystemExit(f"{file}: wanted {per_file} rows of at most {max_characters} characters, found {kept}")
    return rows


class Run:
    """A finished process: exit status, seconds and the peak of its resident set (the kernel's high-water mark)."""

    def __init__(self, command, log, environment=None):
        started = time.monotonic()
        with open(log, "wb") as output:
            child = subprocess.Popen(
                [str(part) for part in command],
                cwd=REPOSITORY,
                env={**os.environ, **(environment or {})},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - started
        self.peak_bytes = usage.ru_maxrss * 1024
        self.status = child.returncode
        self.log = pathlib.Path(log)

    def checked(self, what):
        if self.status != 0:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-25:])
            raise SystemExit(f"{what} ended with {self.status}; the end of {self.log}:\n{tail}")
        return self


def train_trl(specification, directory):
    """Runs TRL in a process of its own (see trl_train.py) and returns its result with the process's peak memory."""
    directory.mkdir(parents=True, exist_ok=True)
    request, result = directory / "trl.json", directory / "trl.result.json"
    request.write_text(json.dumps(specification))
    script = pathlib.Path(__file__).with_name("trl_train.py")
    run = Run([python(), script, request, result], directory / "trl.log")
    if run.status == SKIPPED:
        skip(run.log.read_text().removeprefix("skipped: ").strip())
    run.checked("TRL")
    return {**json.loads(result.read_text()), "peak_bytes": run.peak_bytes}


def mmpo(arguments, log, environment=None):
    return Run([REPOSITORY / "mmpo", *arguments], log, environment).checked(f"mmpo {arguments[0]}")


def train_mmpo(config, directory, overrides=(), environment=None):
    """Runs `mmpo train` and returns the lines of metrics.jsonl, the process's seconds and its peak memory."""
    directory.mkdir(parents=True, exist_ok=True)
    output = directory / "mmpo"
    shutil.rmtree(output, ignore_errors=True)  # of an earlier run that was kept with --output
    path = directory / "mmpo.yaml"
    settings = {**config, "output_dir": str(output), "cache_dir": "no"}  # nothing of an earlier run
    path.write_text(json.dumps(settings, indent=1))  # JSON is YAML
    run = mmpo(["train", path, *overrides], directory / "mmpo.log", environment)
    return {"metrics": read_jsonl(output / "metrics.jsonl"), "seconds": run.seconds, "peak_bytes": run.peak_bytes}


def compare_metrics(expected, actual, tolerances, titles=("TRL", "mmpo")):
    """Prints a table of both runs' metrics at every step and returns the number of values that differ.

    expected, actual: one object a step. tolerances: name -> (absolute, relative); the bound is absolute + relative·|expected|.
    """
    if [row["step"] for row in expected] != [row["step"] for row in actual]:
        raise SystemExit(f"steps logged: {titles[0]} {[r['step'] for r in expected]}, {titles[1]} {[r['step'] for r in actual]}")
    differences = 0
    print(f"{'step':>4}  {'metric':<20}{titles[0]:>16}{titles[1]:>16}{'|difference|':>14}{'allowed':>11}")
    for wanted, found in zip(expected, actual):
        for name, (absolute, relative) in tolerances.items():
            if name not in found:
                print(f"{wanted['step']:>4}  {name:<20}{wanted[name]:>16.8g}{'missing':>16}")
                differences += 1
                continue
            if name == "rewards/accuracies" and abs(wanted["rewards/margins"]) < NO_MARGIN:
                continue
            difference = abs(wanted[name] - found[name])
            allowed = absolute + relative * abs(wanted[name])
            within = difference <= allowed  # false for NaN
            differences += not within
            print(
                f"{wanted['step']:>4}  {name:<20}{wanted[name]:>16.8g}{found[name]:>16.8g}{difference:>14.2e}{allowed:>11.1e}"
                + ("" if within else "  DIFFERS")
            )
    print("\nlargest |difference| over the steps:")
    for name in tolerances:
        values = [abs(w[name] - f[name]) for w, f in zip(expected, actual) if name in f]
        if values:
            print(f"  {name:<20}{max(values):.2e}")
    return differences

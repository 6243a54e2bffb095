"""What bench/gpu/run has done already, so that a run that was cut off goes on; and how much of its time is left."""

import hashlib
import json
import pathlib
import subprocess
import time

UNFINISHED = 75  # EX_TEMPFAIL: the same command goes on


class OutOfTime(Exception):
    """The stage stops here; what it did is kept."""


class TimedOut(Exception):
    """One program had all the time there is and did not end."""


class Budget:
    """Seconds of one call. A program that begins late and does not end is begun again by the next call, with all the time."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.end = time.monotonic() + seconds
        self.is_first = True

    def left(self):
        return self.end - time.monotonic()

    def run(self, command, **options):
        """subprocess.run, not beyond the end. The first program of a call has all the time there is: another call would not help it."""
        left = self.left()
        first, self.is_first = self.is_first, False
        if not first and left < 0.3 * self.seconds:
            raise OutOfTime
        try:
            return subprocess.run(list(map(str, command)), timeout=left, **options)
        except subprocess.TimeoutExpired as late:
            if first:
                raise TimedOut(f"did not end within {left:.0f} s") from late
            raise OutOfTime from late


class State:
    """Results by name in a JSON file; of other sources, machines or versions none."""

    def __init__(self, path, fingerprint):
        self.path = pathlib.Path(path)
        self.fingerprint = fingerprint
        self.results = {}
        if self.path.exists():
            held = json.loads(self.path.read_text())
            if held["fingerprint"] == fingerprint:
                self.results = held["results"]

    def get(self, name):
        return self.results.get(name)

    def put(self, name, result):
        self.results[name] = result
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps({"fingerprint": self.fingerprint, "results": self.results}, indent=1))
        new.replace(self.path)
        return result


def sources(root):
    """Ten digits that change with what is measured: the core's sources and this directory's."""
    digest = hashlib.sha256()
    here = pathlib.Path(__file__).resolve().parent
    files = [*(root / "native").glob("*.txt"), *here.glob("*")]
    for directory in ("native/src", "native/cuda", "native/include", "bench/native"):
        files += (root / directory).rglob("*")
    for file in sorted(file for file in files if file.is_file() and file.suffix != ".pyc"):
        digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:10]

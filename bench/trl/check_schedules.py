#!/usr/bin/env python3
"""Learning rates are those of transformers.

schedules.json among the resources of the Java tests holds a grid of schedules, with the rate of every step; LearningRateScheduleTest
compares mmpo's rates with it. Here the grid is computed anew by transformers and compared with the file, which --write writes.
Exit status: 0 equal, 1 different, 77 skipped because something is missing.
"""

import argparse
import itertools
import json
import sys

import common

common.use_peer_python()
common.require_packages("torch", "transformers")

import torch
import transformers

FILE = common.REPOSITORY / "java/core/src/test/resources/io/mmpo/train/schedules.json"
TOLERANCE = 1e-15

# (peak, warm-up, steps): without warm-up, with one, of one step, up to the end, and longer than the run.
RUNS = [(5e-4, 0, 20), (3e-5, 5, 20), (1.0, 1, 7), (1e-3, 6, 6), (2e-4, 9, 6)]
ARGUMENTS = {
    "linear": [{}],
    "cosine": [{}, {"num_cycles": 1.25}, {"num_cycles": 0}],
    "cosine_with_restarts": [{}, {"num_cycles": 3}],
    "cosine_with_min_lr": [{"min_lr_rate": 0.1}, {"min_lr": 1e-6}, {"min_lr_rate": 0.05, "num_cycles": 1.5}],
    "cosine_warmup_with_min_lr": [{"min_lr_rate": 0.1}, {"min_lr": 1e-6, "warmup_lr_rate": 0.2, "num_cycles": 0.75}],
    "polynomial": [{}, {"power": 2.0}, {"lr_end": 1e-6, "power": 0.5}],
    "inverse_sqrt": [{}, {"timescale": 3}, {"timescale": 250}],
    "warmup_stable_decay": [
        {"num_decay_steps": 4},
        {"num_decay_steps": 0},
        {"num_decay_steps": 3, "num_stable_steps": 5, "min_lr_ratio": 0.1},
        {"num_decay_steps": 5, "decay_type": "linear", "warmup_type": "cosine", "min_lr_ratio": 0.2},
        {"num_decay_steps": 6, "decay_type": "1-sqrt", "warmup_type": "1-sqrt"},
        {"num_decay_steps": 6, "num_cycles": 1.0, "decay_type": "cosine"},
    ],
    "constant": [{}],
    "constant_with_warmup": [{}],
}


def rates(name, arguments, peak, warmup, steps):
    """The rate that the optimizer has at each step of a run."""
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=peak)
    factor = transformers.get_scheduler(name, optimizer, warmup, steps, dict(arguments)).lr_lambdas[0]
    return [peak * factor(step) for step in range(steps)]


def grid():
    for name, choices in ARGUMENTS.items():
        for arguments, (peak, warmup, steps) in itertools.product(choices, RUNS):
            yield {
                "lr_scheduler_type": name,
                "lr_scheduler_kwargs": arguments,
                "learning_rate": peak,
                "warmup_steps": 0 if name == "constant" else warmup,
                "steps": steps,
                "rates": rates(name, arguments, peak, warmup, steps),
            }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the file")
    schedules = list(grid())
    if parser.parse_args().write:
        lines = ",\n".join(json.dumps(schedule) for schedule in schedules)
        FILE.write_text('{"transformers": "%s", "schedules": [\n%s\n]}\n' % (transformers.__version__, lines))
    stored = json.loads(FILE.read_text())["schedules"]
    different = len(stored) != len(schedules)
    for ours, theirs in zip(stored, schedules):
        same = {key: ours[key] for key in ours if key != "rates"} == {key: theirs[key] for key in theirs if key != "rates"}
        close = len(ours["rates"]) == len(theirs["rates"]) and all(
            abs(a - b) <= TOLERANCE * abs(b) for a, b in zip(ours["rates"], theirs["rates"])
        )
        if not (same and close):
            different = True
            print(f"different: {theirs['lr_scheduler_type']} {theirs['lr_scheduler_kwargs']}, {theirs['warmup_steps']} of {theirs['steps']} steps")
    print(f"{len(schedules)} schedules of {len(ARGUMENTS)} kinds{': different' if different else ' equal'}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())

"""What the scripts of this directory share: a small run, and the comparison of what two runs saved. Only the standard library."""

import array
import json
import pathlib
import random
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "trl"))
import common

MODEL = "stories260k"
VOCABULARY = 512


def write_small_run(directory, **keys):
    """A configuration of MMPO on stories260k over random token ids, which both ranks' hosts can read. Returns its path."""
    draw = random.Random(3)
    rows = []
    for _ in range(64):
        prompt, chosen, rejected = ([draw.randrange(3, VOCABULARY) for _ in range(draw.randint(8, 60))] for _ in range(3))
        rows.append({"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected})
    common.write_jsonl(directory / "rows.jsonl", rows)
    settings = {
        "model_name_or_path": str(common.model_directory(MODEL)),
        "dataset_name": str(directory / "rows.jsonl"),
        "loss_type": "mmpo",
        "mmpo_aux_weight": 0.5,
        "learning_rate": 1e-4,
        "bf16": False,
        "cache_dir": "no",
        "logging_steps": 5,
        **keys,
    }
    path = directory / "config.yaml"
    path.write_text(json.dumps(settings, indent=1))  # JSON is YAML
    return path


def add_mmpo(parser):
    parser.add_argument("--mmpo", default=str(common.REPOSITORY / "mmpo"), help="the command line, as words")


def weights(output):
    """Name to float32 values of final/model.safetensors."""
    data = (output / "final" / "model.safetensors").read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, tensor in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            assert tensor["dtype"] == "F32", f"{name} is {tensor['dtype']}"
            begin, end = tensor["data_offsets"]
            tensors[name] = array.array("f", data[8 + size + begin : 8 + size + end])
    return tensors


def largest_difference(one, other):
    """Between the final weights of two runs."""
    expected, found = weights(one), weights(other)
    assert expected.keys() == found.keys()
    return max(max(abs(a - b) for a, b in zip(expected[name], found[name])) for name in expected)

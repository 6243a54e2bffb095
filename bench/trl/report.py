"""Medians of the bench's runs as a section of bench/RESULTS.md."""

import datetime
import os
import pathlib
import platform
import re
import statistics
import subprocess

import common

RESULTS = common.REPOSITORY / "bench" / "RESULTS.md"
INTRODUCTION = """# Results

Written by the scripts of bench/ (`bench/trl/run`, `bench/plan/run`), never by hand; a run replaces the section that bears its title.

Useful tokens: a pair's prompt once and both completions, whatever a program pads or repeats. Pairs/s counts the time of
one epoch's steps and of the reference pass, where a program makes one before training; loading and saving are left out.
Limit: the seconds that the step's matrix products alone take (bench/trl/matrix_products.py),
measured in the same round, over the step's seconds. Memory: the process's peak resident set. Every figure is the
median over the rounds, in which the programs take turns.
"""


def processor():
    """(name, the instruction sets that matter here, the best last). A virtual machine's name may be its maker's line alone: then the family tells
    generations apart, of which one may be twice as fast as the other with the same instructions."""
    information = pathlib.Path("/proc/cpuinfo").read_text()
    field = dict(re.findall(r"^(model name|cpu family)\s*: (.*)$", information, re.MULTILINE))
    flags = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in information]
    name = field.get("model name", platform.processor())
    return name if re.search(r"\d", name) else f"{name} family {field.get('cpu family', 'unknown')}", flags


def machine():
    name, flags = processor()
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    cores = len(os.sched_getaffinity(0))
    return f"{name}, {cores} cores, {int(memory.group(1)) / 2**20:.0f} GiB, {' '.join(flags)}, Linux {platform.release()}"


def versions(python_versions, sources=None):
    """sources: what stands for the commit where there is no git, or no repository: digits of the sources themselves."""
    git = ["git", "-C", common.REPOSITORY, "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        commit = subprocess.run(git, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.strip()
    except FileNotFoundError:
        commit = ""
    mmpo = f"mmpo {commit}" if commit else f"mmpo of sources {sources or 'unknown'}"
    return ", ".join([mmpo, *(f"{name} {version}" for name, version in python_versions.items())])


def medians(rounds):
    """[{program: figures}] -> {program: {figure: median}}."""
    return {
        program: {
            figure: statistics.median(one[program][figure] for one in rounds) for figure in rounds[0][program]
        }
        for program in rounds[0]
    }


def section(title, command, load, rounds, python_versions):
    """Markdown of one measurement. load: what is trained, in words. The last program is mmpo, unless only TRL was run."""
    figures = medians(rounds)
    lines = [
        f"## {title}",
        "",
        f"{datetime.date.today()}, {len(rounds)} round(s) of `{command}`; {load}.",
        f"{machine()}; {versions(python_versions)}.",
        "",
        "| program | pairs/s | useful tokens/s | s/step | limit | peak GiB | mmpo: times faster | mmpo: memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    mine = figures.get("mmpo")
    for program, row in figures.items():
        ratio = f"{mine['pairs_per_second'] / row['pairs_per_second']:.2f}" if mine else ""
        memory = f"{mine['peak_bytes'] / row['peak_bytes']:.2f}" if mine else ""
        lines.append(
            f"| {program} | {row['pairs_per_second']:.3f} | {row['tokens_per_second']:.1f} | {row['step_seconds']:.3f}"
            f" | {row['limit']:.2f} | {row['peak_bytes'] / 2**30:.2f} | {ratio} | {memory} |"
        )
    return "\n".join(lines) + "\n"


def write(title, text):
    """Replaces the section of that title in RESULTS.md, or appends it."""
    old = RESULTS.read_text() if RESULTS.exists() else INTRODUCTION
    head, *sections = re.split(r"^(?=## )", old, flags=re.MULTILINE)
    kept = [part.strip() + "\n" for part in sections if part.splitlines()[0] != f"## {title}"]
    RESULTS.write_text("\n".join([INTRODUCTION, *kept, text]))

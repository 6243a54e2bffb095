"""From measurements of both programs to the section of bench/RESULTS.md; and whether the two computed the same."""

import datetime
import math

import report
import shapes

TITLE = "Training steps on a GPU: plain PyTorch and mmpo"
# Nats a completion may differ by for the square root of its tokens. Rounding of bfloat16 through 32 layers is about 0.03; what a
# wrong mask or a wrong product leaves is that of another model, 0.2 at the smallest shape and 1.3 at the largest.
LARGEST_DIFFERENCE = 0.1
# Share by which the gradient's norm may differ: dropout draws other masks on each side.
LARGEST_NORM_DIFFERENCE = {"full": 0.05, "lora": 0.15}


def differences(shape, theirs, mine):
    """What of the first batch, computed with the same weights, is not the same: sentences; none where all is well."""
    found = []
    for i, (their, my, length) in enumerate(zip(theirs["logps"], mine["logps"], theirs["lengths"], strict=True)):
        # Written so that NaN is different.
        if not abs(my - their) <= LARGEST_DIFFERENCE * math.sqrt(length):
            found.append(f"completion {i} of {length} tokens has {my:.3f} nats, {their:.3f} in PyTorch")
    limit = LARGEST_NORM_DIFFERENCE["lora" if shape.lora_r else "full"]
    if not abs(mine["grad_norm"] - theirs["grad_norm"]) <= limit * theirs["grad_norm"]:
        found.append(f"the gradient's norm is {mine['grad_norm']:.5g}, {theirs['grad_norm']:.5g} in PyTorch")
    return found


def figures(shape, measured, peak_flops):
    """What a table's row says of one program."""
    pairs = shapes.read_lengths()
    timed = [pairs[i % len(pairs)] for i in range(measured["pairs"])]
    return {
        "pairs": measured["pairs"] / measured["seconds"],
        "tokens": sum(map(sum, timed)) / measured["seconds"],
        "mfu": shape.flops(timed) / measured["seconds"] / peak_flops if peak_flops else None,
        "peak": measured["peak_bytes"] / 2**30,
    }


def rows_of(shape, loss, theirs, mine, peak_flops):
    """Lines of the table: of each program that was measured, mmpo's with the ratio where both were."""
    found = {name: figures(shape, measured, peak_flops)
             for name, measured in (("plain PyTorch", theirs), ("mmpo", mine)) if measured and "seconds" in measured}
    rows = []
    for program, row in found.items():
        ratio = f"{row['pairs'] / found['plain PyTorch']['pairs']:.2f}" if program == "mmpo" and len(found) == 2 else ""
        mfu = "" if row["mfu"] is None else f"{100 * row['mfu']:.1f}%"
        rows.append(f"| {shape.title}, batch {shape.batch} | {loss} | {program} | {row['pairs']:.2f} | {row['tokens']:.0f} | {mfu} "
                    f"| {row['peak']:.2f} | {ratio} |")
    return rows


def section(machine, versions, peak, rows, memory, tests, problems):
    lines = [
        f"## {TITLE}", "",
        f"{datetime.date.today()}, one run of `bench/gpu/run`; {machine}; {versions}; native tests on the GPU: {tests}.", "",
        "Pairs have the lengths of bench/gpu/lengths.txt, weights are random and the same in both programs, bfloat16; reference "
        "log-probabilities are given to both. Each program goes through the timed pairs once before they are timed; its log-probabilities "
        "and its gradient's norm on the first batch agree with the other's, or it has no line. "
        "Plain PyTorch: bench/gpu/torch_step.py. MFU: floating-point operations of the model's mathematics (bench/gpu/shapes.py: "
        "nothing padded, repeated or recomputed, the same for both programs) a second, over the data sheet's "
        f"{'rate' if peak is None else f'{peak / 1e12:.0f} TFLOP/s'} of dense bfloat16. Peak GiB: what LibTorch's allocator held.", "",
        "| shape | loss | program | pairs/s | useful tokens/s | MFU | peak GiB | mmpo: times faster |",
        "|---|---|---|---|---|---|---|---|", *rows,
    ]
    if memory:
        lines += ["", f"Llama-3-8B, LoRA r 64 on attention, MMPO, two pairs of prompt 1,800 and completions of 512: {memory:.1f} GiB."]
    lines += [line for problem in problems for line in ("", f"Not measured: {problem}.")]
    return "\n".join(lines) + "\n"


def record(text):
    report.write(TITLE, text)


def record_not_measured():
    """What RESULTS.md says until a GPU was reached; a measurement that is there stays."""
    if not report.RESULTS.exists() or f"## {TITLE}" not in report.RESULTS.read_text():
        report.write(TITLE, f"## {TITLE}\n\nNot measured.\n")

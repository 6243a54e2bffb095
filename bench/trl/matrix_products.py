"""The matrix products that a training step cannot do without, and how long they alone take with torch on this machine.

usage: matrix_products.py MODEL_DIRECTORY ROWS.jsonl BATCH LOSS DTYPE LORA_RANK > RESULT.json

The step is the packed one: every token once (a pair's prompt is not repeated), the head only at rows that predict a
completion's token, forward plus the two products of backward, nothing recomputed. MMPO at lambda = 1 needs prompt and
chosen only. With LORA_RANK above 0 a frozen weight has no gradient of its own, and every projection has the adapter's two
products beside it. Each product is timed with this Python's torch and, where `native/build bench` has made it, with the LibTorch
that mmpo uses; the faster one counts. Attention is counted by the area under its causal mask. No program that trains on these tokens does less,
so the limit is the same for all of them.
"""

import json
import subprocess
import sys
import time
from collections import Counter

import common

NATIVE = common.REPOSITORY / "native" / "target" / "cmake" / "bench" / "matrix_products"


def linear_layers(config):
    """(inputs, outputs) of a block's seven projections."""
    hidden, intermediate = config["hidden_size"], config["intermediate_size"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    queries, keys = head * config["num_attention_heads"], head * config["num_key_value_heads"]
    attention = [(hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden)]
    return attention + [(hidden, intermediate), (hidden, intermediate), (intermediate, hidden)]


def step_products(config, rows, loss, rank):
    """Counter of (layout, batch, m, k, n, fraction): products [batch, m, k] x [batch, k, n], of which `fraction` is needed.

    layout: whether each operand's rows (n) or columns (t) are contiguous, as in x w^T (nt), grad w (nn), grad^T x (tn).
    """
    layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
    head = config.get("head_dim") or config["hidden_size"] // heads
    products = Counter()

    def add_linear(tokens, inputs, outputs, count, frozen):
        products["nt", 1, tokens, inputs, outputs, 1.0] += count  # forward
        products["nn", 1, tokens, outputs, inputs, 1.0] += count  # gradient of the input
        if not frozen:
            products["tn", 1, outputs, tokens, inputs, 1.0] += count  # gradient of the weight

    def add_attention(queries, keys):
        first = keys - queries  # bottom-right aligned causal mask
        area = sum(first + i + 1 for i in range(queries)) / (queries * keys)
        products["nt", heads, queries, head, keys, area] += 2 * layers  # scores; gradient of the probabilities
        products["nn", heads, queries, keys, head, area] += 2 * layers  # output; gradient of the queries
        products["tn", heads, keys, queries, head, area] += 2 * layers  # gradients of the keys and of the values

    tokens = completion_tokens = 0
    for row in rows:
        prompt, chosen, rejected = (len(row[key]) for key in ("prompt_ids", "chosen_ids", "rejected_ids"))
        completions = (chosen,) if loss == "mmpo" else (chosen, rejected)
        tokens += prompt + sum(completions)
        completion_tokens += sum(completions)
        add_attention(prompt + chosen, prompt + chosen)
        if loss != "mmpo":
            add_attention(rejected, prompt + rejected)
    for inputs, outputs in linear_layers(config):
        add_linear(tokens, inputs, outputs, layers, frozen=rank > 0)
        if rank:
            add_linear(tokens, inputs, rank, layers, frozen=False)
            add_linear(tokens, rank, outputs, layers, frozen=False)
    add_linear(completion_tokens, config["hidden_size"], config["vocab_size"], 1, frozen=rank > 0)
    return products


def seconds_with_torch(product, dtype):
    """The best of a few repetitions, warm, of one (batched) product."""
    import torch

    layout, batch, m, k, n, _ = product
    left, right = (
        torch.randn(batch, *shape).to(dtype) if order == "n" else torch.randn(batch, *shape[::-1]).to(dtype).mT
        for order, shape in zip(layout, ((m, k), (k, n)))
    )
    multiply = torch.bmm if batch > 1 else torch.mm
    if batch == 1:
        left, right = left[0], right[0]
    out = multiply(left, right)
    best, spent = float("inf"), 0.0
    while spent < 0.1:
        started = time.perf_counter()
        multiply(left, right, out=out)
        elapsed = time.perf_counter() - started
        best, spent = min(best, elapsed), spent + elapsed
    return best


def seconds_native(products, dtype):
    """The same with the LibTorch of mmpo; None where its program is not built."""
    if not NATIVE.exists():
        return None
    shapes = "".join(" ".join(map(str, product[:5])) + "\n" for product in products)
    run = subprocess.run([NATIVE, dtype], input=shapes, stdout=subprocess.PIPE, text=True, check=True)
    return dict(zip(products, json.loads(run.stdout)))


def main(model, rows_path, batch, loss, dtype, rank):
    common.require_packages("torch")
    import torch

    with open(f"{model}/config.json") as file:
        config = json.load(file)
    rows = common.read_jsonl(rows_path)
    steps = [step_products(config, rows[i : i + int(batch)], loss, int(rank)) for i in range(0, len(rows), int(batch))]
    distinct = list(dict.fromkeys(product for step in steps for product in step))
    peer = {product: seconds_with_torch(product, getattr(torch, dtype)) for product in distinct}
    native = seconds_native(distinct, dtype)
    fastest = {product: min(peer[product], native[product]) for product in distinct} if native else peer

    def total(seconds):
        return [sum(count * seconds[p] * p[5] for p, count in step.items()) for step in steps]

    flops = sum(count * 2.0 * p[1] * p[2] * p[3] * p[4] * p[5] for step in steps for p, count in step.items())
    result = {
        "step_seconds": total(fastest),
        "torch_seconds": sum(total(peer)),
        "native_seconds": sum(total(native)) if native else None,
        "flops": flops,
    }
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])

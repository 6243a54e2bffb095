"""The rounding of base_precision: fp8 in plain PyTorch, around the linear layers of a transformers model: what bench/fp8/run compares with.

usage: oracle.py MODEL ROWS.jsonl OUTPUT.json [GRADIENT_PAIRS]

Rows of weights and inputs are rounded to float8_e4m3fn with a scale of largest / 448 each, and multiplied in float32; embedding, norms and head are
the model's, in bfloat16. OUTPUT has the log-probability of every completion token, [row][chosen, rejected][token], of the model in bfloat16 and
of the rounded one, and how far gradients of the layers' weights are from those of the same forward pass whose backward pass rounds nothing, where
gradients that go back through a layer are rounded to e4m3 and to e5m2, over the first GRADIENT_PAIRS rows.
"""

import json
import sys

import torch
from transformers import AutoModelForCausalLM

E4M3, E5M2 = torch.float8_e4m3fn, torch.float8_e5m2


def rounded(x, dtype=E4M3):
    """(numbers of the type, scales): x is about their product."""
    x = x.float()
    scale = (x.abs().amax(-1, keepdim=True) / torch.finfo(dtype).max).clamp_min(torch.finfo(torch.float32).tiny)
    return (x * (1 / scale)).to(dtype).float(), scale


class Product(torch.autograd.Function):
    @staticmethod
    def forward(context, x, weight, of_gradients):
        q_w, s_w = rounded(weight)
        q_x, s_x = rounded(x)
        context.save_for_backward(x, q_w, s_w)
        context.of_gradients = of_gradients
        return ((q_x @ q_w.t()) * s_x * s_w.view(-1)).to(x.dtype)

    @staticmethod
    def backward(context, grad):
        x, q_w, s_w = context.saved_tensors
        scaled = grad.float() * s_w.view(-1)
        if context.of_gradients is not None:
            q, s = rounded(scaled, context.of_gradients)
            scaled = q * s
        return (scaled @ q_w).to(x.dtype), grad.float().t() @ x.float(), None


class Rounded(torch.nn.Module):
    def __init__(self, linear, of_gradients):
        super().__init__()
        self.weight, self.bias, self.of_gradients = linear.weight, linear.bias, of_gradients

    def forward(self, x):
        product = Product.apply(x.reshape(-1, x.shape[-1]), self.weight, self.of_gradients).reshape(*x.shape[:-1], -1)
        return product if self.bias is None else product + self.bias


def load(directory, rounds, of_gradients=None):
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.bfloat16).eval()
    if rounds:
        for layer in model.model.layers:
            for block in (layer.self_attn, layer.mlp):
                for name, child in list(block.named_children()):
                    if isinstance(child, torch.nn.Linear):
                        setattr(block, name, Rounded(child, of_gradients))
    return model


def token_logps(model, prompt, completion):
    logits = model(torch.tensor([prompt + completion])).logits[0, -len(completion) - 1 : -1]
    return logits.float().log_softmax(-1).gather(1, torch.tensor(completion)[:, None])[:, 0]


def of_rows(model, rows):
    with torch.inference_mode():
        return [[token_logps(model, row["prompt_ids"], row[key]).tolist() for key in ("chosen_ids", "rejected_ids")] for row in rows]


def gradients(directory, rows, of_gradients):
    """Of the sum of all margins, of every matrix of the layers, one after another."""
    model = load(directory, True, of_gradients)
    for row in rows:
        chosen, rejected = (token_logps(model, row["prompt_ids"], row[key]).sum() for key in ("chosen_ids", "rejected_ids"))
        (chosen - rejected).backward()
    return torch.cat([p.grad.float().flatten() for name, p in model.named_parameters() if "_proj" in name])


def main(directory, rows_file, output, gradient_pairs="0"):
    rows = [json.loads(line) for line in open(rows_file)]
    result = {name: of_rows(load(directory, rounds), rows) for name, rounds in (("bfloat16", False), ("fp8", True))}
    if int(gradient_pairs):
        first = rows[: int(gradient_pairs)]
        exact = gradients(directory, first, None)
        result["gradients"] = {
            name: ((gradients(directory, first, dtype) - exact).norm() / exact.norm()).item()
            for name, dtype in (("e4m3", E4M3), ("e5m2", E5M2))
        }
    with open(output, "w") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Times the same training step in plain PyTorch as Hugging Face's modules and TRL's DPOTrainer make it: the peer of bench/gpu/run.

Chosen and rejected are sequences of their own, each with its prompt, padded on the right to the longest of the batch; bfloat16
autocast; flash attention (causal, so that padding on the right is never seen); every layer checkpointed; the logits of all
rows, then their log-softmax row by row; torch's fused AdamW. Reference log-probabilities are given, as on the other side. LoRA as PEFT has
it: base weights in bfloat16, A and B in float32. Needs torch alone.

  torch_step.py SHAPE --device cuda --loss dpo        prints one JSON object
"""

import argparse
import json
import resource
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import shapes


class LoraLinear(nn.Module):
    """y = x W^T + scaling * dropout(x) A^T B^T, as peft.tuners.lora.Linear computes it."""

    def __init__(self, base, rank, device):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.lora_A = nn.Linear(base.in_features, rank, bias=False, device=device)
        self.lora_B = nn.Linear(rank, base.out_features, bias=False, device=device)
        nn.init.zeros_(self.lora_B.weight)
        self.dropout = nn.Dropout(0.05)

    def forward(self, x):
        return self.base(x) + 2.0 * self.lora_B(self.lora_A(self.dropout(x.to(self.lora_A.weight.dtype))))


class RmsNorm(nn.Module):
    """LlamaRMSNorm."""

    def __init__(self, size, **factory):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size, **factory))

    def forward(self, x):
        wide = x.float()
        wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + 1e-5)
        return self.weight * wide.to(x.dtype)


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-second, first), dim=-1) * sin


class Layer(nn.Module):
    def __init__(self, shape, factory):
        super().__init__()
        self.shape = shape
        self.input_norm = RmsNorm(shape.hidden, **factory)
        self.post_norm = RmsNorm(shape.hidden, **factory)
        self.linear = nn.ModuleDict()
        for name, (outputs, inputs) in shape.matrices().items():
            self.linear[name] = nn.Linear(inputs, outputs, bias=False, **factory)
            nn.init.normal_(self.linear[name].weight, std=0.02)
            if shape.lora_r and name in shape.modules:
                self.linear[name] = LoraLinear(self.linear[name], shape.lora_r, factory["device"])

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape
        normed = self.input_norm(x)
        q, k, v = (self.linear[n](normed).view(batch, length, -1, self.shape.head_dim).transpose(1, 2) for n in "qkv")
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        repeats = self.shape.heads // self.shape.kv_heads
        k, v = k.repeat_interleave(repeats, dim=1), v.repeat_interleave(repeats, dim=1)
        attended = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, is_causal=True)
        x = x + self.linear["o"](attended.transpose(1, 2).reshape(batch, length, -1))
        normed = self.post_norm(x)
        return x + self.linear["down"](F.silu(self.linear["gate"](normed)) * self.linear["up"](normed))


class Llama(nn.Module):
    def __init__(self, shape, device, bf16):
        super().__init__()
        # What is trained is float32 under autocast; a frozen base is stored in the type that it computes in.
        factory = {"device": device, "dtype": torch.bfloat16 if shape.lora_r and bf16 else torch.float32}
        self.embedding = nn.Embedding(shape.vocab, shape.hidden, **factory)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.layers = nn.ModuleList(Layer(shape, factory) for _ in range(shape.layers))
        self.norm = RmsNorm(shape.hidden, **factory)
        self.head = nn.Linear(shape.hidden, shape.vocab, bias=False, **factory)
        if shape.tied:
            self.head.weight = self.embedding.weight
        if shape.lora_r:
            for name, parameter in self.named_parameters():
                parameter.requires_grad_("lora_" in name)
        self.frequencies = 1 / 500000 ** (torch.arange(0, shape.head_dim, 2, device=device) / shape.head_dim)

    def forward(self, tokens):
        x = self.embedding(tokens).requires_grad_()
        angles = torch.outer(torch.arange(tokens.shape[1], device=tokens.device).float(), self.frequencies)
        angles = torch.cat((angles, angles), dim=-1)
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
        for layer in self.layers:
            x = checkpoint(layer, x, cos, sin, use_reentrant=False)
        return self.head(self.norm(x))


def make_batch(pairs, vocab, device):
    """Chosen sequences, then rejected: tokens [2B, L], labels' mask [2B, L - 1]."""
    sequences = [(prompt, chosen) for prompt, chosen, _ in pairs] + [(prompt, rejected) for prompt, _, rejected in pairs]
    length = max(map(sum, sequences))
    tokens = torch.randint(vocab, (len(sequences), length), device=device)
    mask = torch.zeros(len(sequences), length - 1, dtype=torch.bool)
    for row, (prompt, completion) in enumerate(sequences):
        mask[row, prompt - 1:prompt + completion - 1] = True
    return tokens, mask.to(device)


def completion_logps(model, tokens, mask):
    """TRL's: logits of every position, and of each row its log-softmax."""
    logits, targets = model(tokens)[:, :-1], tokens[:, 1:]
    rows = [row.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1) for row, labels in zip(logits, targets)]
    return (torch.stack(rows).float() * mask).sum(-1)


def loss_of(name, logps, lengths):
    """DPO, or MMPO as the paper's listing has it with lambda 1; references as the core's side is given them."""
    reference = torch.tensor(lengths, device=logps.device, dtype=torch.float32) * -11.0
    chosen, rejected = logps.chunk(2)
    ref_chosen, ref_rejected = reference.chunk(2)
    if name == "dpo":
        return -F.logsigmoid(0.1 * ((chosen - ref_chosen) - (rejected - ref_rejected))).mean()
    rewards = torch.cat((0.9 + 0.1 * ref_chosen, 0.1 + 0.1 * ref_rejected))
    rewards = (rewards - rewards.min()) / (rewards.max() + 1e-6 - rewards.min())
    scores = torch.stack((chosen, rejected)) + rewards.view(2, -1)
    return (-scores.logsumexp(0) - F.logsigmoid(scores[0] - scores[1])).mean()


def measure(shape, device, loss, bf16, batch_size, steps, warmup, pairs):
    torch.manual_seed(1)
    model = Llama(shape, device, bf16)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-6, weight_decay=0, fused=True)
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    position, start = 0, 0.0
    for step in range(warmup + steps):
        if step == warmup:
            synchronize()
            start, first = time.perf_counter(), position
        batch = [pairs[(position + i) % len(pairs)] for i in range(batch_size)]
        position += batch_size
        tokens, mask = make_batch(batch, shape.vocab, device)
        lengths = [chosen for _, chosen, _ in batch] + [rejected for _, _, rejected in batch]
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            value = loss_of(loss, completion_logps(model, tokens, mask), lengths)
        value.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0).item()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    synchronize()
    seconds = time.perf_counter() - start
    peak = torch.cuda.max_memory_reserved() if device == "cuda" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "steps": steps, "pairs": position - first, "first_pair": first, "peak_bytes": peak,
            "last_loss": value.item()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=shapes.SHAPES)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    parser.add_argument("--loss", choices=["dpo", "mmpo"], default="dpo")
    parser.add_argument("--float32", action="store_true", help="without autocast")
    parser.add_argument("--warmup", type=int, default=2)
    arguments = parser.parse_args()
    shape = shapes.SHAPES[arguments.shape]
    print(json.dumps(measure(shape, arguments.device, arguments.loss, not arguments.float32, shape.batch, shape.steps,
                             arguments.warmup, shapes.read_lengths())))


if __name__ == "__main__":
    main()

"""Times the same training step in plain PyTorch as Hugging Face's modules and TRL's DPOTrainer make it: the peer of bench/gpu/run.

Chosen and rejected are sequences of their own, each with its prompt, padded on the right to the longest of the batch; bfloat16
autocast; flash attention (causal, so that padding on the right is never seen); every layer checkpointed; the logits of all
rows, then their log-softmax row by row; torch's fused AdamW. Reference log-probabilities are given, as on the other side. LoRA as PEFT has
it: base weights in bfloat16, A and B in float32. Weights, tokens and pairs are those of bench/native/training_step.cpp. Before anything is
timed, the first batch's log-probabilities without dropout and its gradient's norm are taken, to be compared with that program's;
then all timed pairs are gone through once. Needs torch alone.

  torch_step.py SHAPE --device cuda --loss dpo        prints one JSON object
"""

import argparse
import json
import resource

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import shapes
import timing

PERIOD = 1048573  # of the weights; a prime, so that rows are not repeated


class LoraLinear(nn.Module):
    """y = x W^T + scaling * dropout(x) A^T B^T, as peft.tuners.lora.Linear computes it."""

    def __init__(self, base, rank, device):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.lora_A = nn.Linear(base.in_features, rank, bias=False, device=device)
        self.lora_B = nn.Linear(rank, base.out_features, bias=False, device=device)
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


@torch.no_grad()
def fill(model):
    """Every matrix is the beginning of one array of random numbers, which is repeated; norms are ones."""
    torch.manual_seed(1)
    random = (torch.randn(PERIOD) * 0.02).bfloat16()
    for parameter in model.parameters():
        if parameter.dim() == 2:
            repeats = (parameter.numel() + PERIOD - 1) // PERIOD
            parameter.copy_(random.repeat(repeats)[: parameter.numel()].view_as(parameter))


def make_batch(pairs, vocab, device):
    """Chosen sequences, then rejected: tokens [2B, L], labels' mask [2B, L - 1]. Tokens are the core's side's: of a prompt and its two
    completions, pair after pair, the i-th is 48271 (i + 1) modulo the vocabulary."""
    chosen, rejected, first = [], [], 0
    for lengths in pairs:
        stream = (torch.arange(first + 1, first + sum(lengths) + 1) * 48271) % vocab
        first += sum(lengths)
        prompt, one, other = stream.split(lengths)
        chosen.append((prompt, one))
        rejected.append((prompt, other))
    sequences = chosen + rejected
    length = max(len(prompt) + len(completion) for prompt, completion in sequences)
    tokens = torch.zeros(len(sequences), length, dtype=torch.long)
    mask = torch.zeros(len(sequences), length - 1, dtype=torch.bool)
    for row, (prompt, completion) in enumerate(sequences):
        tokens[row, :len(prompt) + len(completion)] = torch.cat((prompt, completion))
        mask[row, len(prompt) - 1:len(prompt) + len(completion) - 1] = True
    return tokens.to(device), mask.to(device)


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
    rewards = (rewards + 1e-6 - rewards.min()) / (rewards.max() + 1e-6 - rewards.min())
    scores = torch.stack((chosen, rejected)) + rewards.view(2, -1)
    return (-scores.logsumexp(0) - F.logsigmoid(scores[0] - scores[1])).mean()


def measure(shape, device, loss, bf16, batch_size, steps, pairs):
    model = Llama(shape, device, bf16)
    fill(model)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-6, weight_decay=0, fused=True)
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None

    def batch(step):
        return [pairs[(step * batch_size + i) % len(pairs)] for i in range(batch_size)]

    def forward(chosen_pairs):
        tokens, mask = make_batch(chosen_pairs, shape.vocab, device)
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            logps = completion_logps(model, tokens, mask)
            lengths = [chosen for _, chosen, _ in chosen_pairs] + [rejected for _, _, rejected in chosen_pairs]
            return logps, loss_of(loss, logps, lengths)

    def backward(value):
        value.backward()
        return torch.nn.utils.clip_grad_norm_(trained, 1.0).item()

    def step(number):
        backward(forward(batch(number))[1])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    first = batch(0)
    model.eval()
    with torch.no_grad():
        logps = forward(first)[0].tolist()
        chosen, rejected = logps[:batch_size], logps[batch_size:]
    model.train()
    grad_norm = backward(forward(first)[1])
    optimizer.zero_grad(set_to_none=True)
    seconds = timing.seconds_of(steps, step, synchronize)
    peak = torch.cuda.max_memory_reserved() if device == "cuda" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "pairs": steps * batch_size, "peak_bytes": peak, "grad_norm": grad_norm,
            "logps": [logp for pair in zip(chosen, rejected) for logp in pair],
            "lengths": [length for _, chosen, rejected in first for length in (chosen, rejected)]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shape", choices=shapes.SHAPES)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    parser.add_argument("--loss", choices=["dpo", "mmpo"], default="dpo")
    parser.add_argument("--float32", action="store_true", help="without autocast")
    arguments = parser.parse_args()
    shape = shapes.SHAPES[arguments.shape]
    print(json.dumps(measure(shape, arguments.device, arguments.loss, not arguments.float32, shape.batch, shape.steps,
                             shapes.read_lengths())))


if __name__ == "__main__":
    main()

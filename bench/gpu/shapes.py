"""The shapes that bench/gpu/run times, and the arithmetic that a training step of them takes."""

import dataclasses
import pathlib

LENGTHS = pathlib.Path(__file__).with_name("lengths.txt")
MODULES = {"q": 1, "k": 2, "v": 4, "o": 8, "gate": 16, "up": 32, "down": 64}


@dataclasses.dataclass(frozen=True)
class Shape:
    """A Llama with what is trained of it. lora_r 0: all weights. batch: pairs in a step."""

    title: str
    vocab: int
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    tied: bool
    batch: int
    steps: int
    lora_r: int = 0
    modules: tuple = tuple(MODULES)
    optimizer: str = "adamw"

    @property
    def query_size(self):
        return self.heads * self.head_dim

    def matrices(self):
        """[outputs, inputs] of a layer's linear modules."""
        key_size = self.kv_heads * self.head_dim
        return {
            "q": (self.query_size, self.hidden),
            "k": (key_size, self.hidden),
            "v": (key_size, self.hidden),
            "o": (self.hidden, self.query_size),
            "gate": (self.intermediate, self.hidden),
            "up": (self.intermediate, self.hidden),
            "down": (self.hidden, self.intermediate),
        }

    def flops(self, pairs):
        """Floating-point operations of the model's mathematics in one step on these pairs (prompt, chosen, rejected), nothing padded,
        repeated or recomputed: 2 for each weight and row forward, 2 for the input's gradient, and 2 for the weight's where it is
        trained; attention's two products 4 for each pair of positions that see each other forward, and 8 backward; the head
        on the rows that predict."""
        trained = 0 if self.lora_r else 1
        per_row = sum(n * k * (4 + 2 * trained) for n, k in self.matrices().values())
        if self.lora_r:
            per_row += sum(6 * self.lora_r * sum(self.matrices()[module]) for module in self.modules)
        total = 0
        for prompt, chosen, rejected in pairs:
            rows = prompt + (chosen - 1) + (rejected - 1)
            seen = sum(_causal(prompt + length) for length in (chosen, rejected)) - _causal(prompt)
            total += self.layers * (rows * per_row + 12 * self.query_size * seen)
            total += (chosen + rejected) * self.vocab * self.hidden * (4 + 2 * trained)
        return total


def _causal(length):
    return length * (length + 1) // 2


def read_lengths(path=LENGTHS):
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return [tuple(map(int, line.split())) for line in lines]


SHAPES = {
    "tiny": Shape("tiny, all weights", 512, 128, 320, 2, 4, 2, 32, True, batch=2, steps=2),
    "tiny-lora": Shape("tiny, LoRA r 8", 512, 128, 320, 2, 4, 2, 32, False, batch=2, steps=2, lora_r=8, modules=("q", "k", "v", "o")),
    "smollm2-135m": Shape("SmolLM2-135M, all weights", 49152, 576, 1536, 30, 9, 3, 64, True, batch=16, steps=8),
    "llama-3.2-1b": Shape("Llama-3.2-1B, LoRA r 16 on all", 128256, 2048, 8192, 16, 32, 8, 64, True, batch=8, steps=8, lora_r=16),
    "llama-3-8b": Shape(
        "Llama-3-8B, LoRA r 64 on attention, 8-bit Adam", 128256, 4096, 14336, 32, 32, 8, 128, False,
        batch=4, steps=6, lora_r=64, modules=("q", "k", "v", "o"), optimizer="adamw_8bit",
    ),
}

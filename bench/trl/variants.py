"""TRL's configurations: DPOConfig's arguments, the weights' dtype and the attention implementation of each.

"default" is what DPOConfig gives, but for the length limit (its 1,024 tokens would train on fewer tokens than are
written) and bf16, which is the precision that is being compared. The others are the candidates for TRL's best, which
`run --search` measures against each other; BEST names the fastest of each precision's search in RESULTS.md.
"""

PLAIN = {"gradient_checkpointing": False}
STORED_REFERENCE = {**PLAIN, "precompute_ref_log_probs": True}


def variant(arguments, autocast=False, dtype="float32", attention="sdpa"):
    return {"arguments": {**arguments, "bf16": autocast}, "dtype": dtype, "attention": attention}


FP32 = {
    "default": variant({}),
    "no-checkpointing": variant(PLAIN),
    "stored-reference": variant(STORED_REFERENCE),
    "stored-reference-eager": variant(STORED_REFERENCE, attention="eager"),
    "stored-reference-compiled": variant({**STORED_REFERENCE, "torch_compile": True}),
}
BF16 = {
    "default": variant({}, autocast=True),
    "stored-reference": variant(STORED_REFERENCE, autocast=True),
    "stored-reference-eager": variant(STORED_REFERENCE, autocast=True, attention="eager"),
    "bf16-weights": variant(STORED_REFERENCE, dtype="bfloat16"),
    "bf16-weights-eager": variant(STORED_REFERENCE, dtype="bfloat16", attention="eager"),
    "bf16-weights-compiled": variant({**STORED_REFERENCE, "torch_compile": True}, dtype="bfloat16"),
}
VARIANTS = {"fp32": FP32, "bf16": BF16}
BEST = {"fp32": "stored-reference", "bf16": "bf16-weights"}

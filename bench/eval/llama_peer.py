"""llama.cpp's side of bench/eval/generate: a model directory as GGUF, and greedy answers of one length by llama.cpp's own batches.

  llama_peer.py REQUEST.json   (with the interpreter of bench/eval/make-llama)

Every configuration of the request (type of the weights, flash attention) answers all prompts; the answers' seconds, without
loading, and the first token of each go to REQUEST.json.result.
"""

import ctypes
import json
import pathlib
import sys
import time

import gguf
import llama_cpp as cpp
import numpy

BATCH_TOKENS = 512  # that it computes at once; of prompts, since a step has one of each sequence
NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def gguf_name(name):
    if name == "model.embed_tokens.weight":
        return "token_embd.weight"
    if name == "model.norm.weight":
        return "output_norm.weight"
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"


def write_gguf(model, weights_type, path):
    """A Llama with tied embeddings, without its vocabulary: llama.cpp is given token ids."""
    from safetensors import safe_open

    config = json.loads((model / "config.json").read_text())
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_dimension_count(config["hidden_size"] // config["num_attention_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_tokenizer_model("none")
    with safe_open(model / "model.safetensors", "pt") as tensors:
        for name in tensors.keys():
            values = tensors.get_tensor(name).float().numpy()
            for kind, heads in (("q_proj", "num_attention_heads"), ("k_proj", "num_key_value_heads")):
                if kind in name:  # the rotary embedding's pairs are neighbours in GGUF, half a head apart in Hugging Face's files
                    parts = values.reshape(config[heads], 2, -1, values.shape[1])
                    values = parts.swapaxes(1, 2).reshape(values.shape)
            add(writer, gguf_name(name), values, "f32" if values.ndim == 1 else weights_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def add(writer, name, values, weights_type):
    kind = {"f32": gguf.GGMLQuantizationType.F32, "f16": gguf.GGMLQuantizationType.F16, "bf16": gguf.GGMLQuantizationType.BF16}[weights_type]
    data = gguf.quants.quantize(numpy.ascontiguousarray(values), kind)
    writer.add_tensor(name, data, raw_dtype=kind)


class Answers:
    """A model in a context for so many sequences."""

    def __init__(self, path, size, positions, flash, threads):
        settings = cpp.llama_model_default_params()
        settings.n_gpu_layers = 0
        self.model = cpp.llama_model_load_from_file(str(path).encode(), settings)
        context = cpp.llama_context_default_params()
        context.n_ctx = size * (positions + 255) // 256 * 256
        context.n_seq_max = size
        context.n_batch = context.n_ubatch = BATCH_TOKENS
        context.n_threads = context.n_threads_batch = threads
        context.flash_attn_type = cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash else cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        context.no_perf = True
        self.context = cpp.llama_init_from_model(self.model, context)
        if not self.context:
            raise SystemExit("llama.cpp made no context")
        self.vocabulary = cpp.llama_vocab_n_tokens(cpp.llama_model_get_vocab(self.model))
        self.batch = cpp.llama_batch_init(BATCH_TOKENS, 0, 1)

    def free(self):
        cpp.llama_batch_free(self.batch)
        cpp.llama_free(self.context)
        cpp.llama_model_free(self.model)

    def decode(self, tokens):
        """tokens: (id, position, sequence, whether its logits are wanted). Returns the likeliest next token of each that is wanted."""
        for i, (token, position, sequence, wanted) in enumerate(tokens):
            self.batch.token[i], self.batch.pos[i] = token, position
            self.batch.n_seq_id[i], self.batch.seq_id[i][0] = 1, sequence
            self.batch.logits[i] = wanted
        self.batch.n_tokens = len(tokens)
        if cpp.llama_decode(self.context, self.batch) != 0:
            raise SystemExit("llama_decode failed")
        count = sum(wanted for *_, wanted in tokens)
        if count == 0:
            return []
        logits = cpp.llama_get_logits(self.context)
        return numpy.ctypeslib.as_array(logits, shape=(count, self.vocabulary)).argmax(axis=1).tolist()

    def answer(self, prompts, length):
        """The answers of up to size prompts."""
        cpp.llama_memory_clear(cpp.llama_get_memory(self.context), False)
        rows = [
            (token, position, sequence, position + 1 == len(prompt))
            for sequence, prompt in enumerate(prompts)
            for position, token in enumerate(prompt)
        ]
        latest = []
        for first in range(0, len(rows), BATCH_TOKENS):
            latest += self.decode(rows[first : first + BATCH_TOKENS])
        answers = [[token] for token in latest]
        for step in range(length - 1):
            latest = self.decode(
                [(token, len(prompt) + step, sequence, True) for sequence, (prompt, token) in enumerate(zip(prompts, latest))]
            )
            for answer, token in zip(answers, latest):
                answer.append(token)
        return answers


@ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
def silent(level, text, data):
    if level == 4:  # an error
        sys.stderr.write(text.decode())


def main():
    request = json.loads(pathlib.Path(sys.argv[1]).read_text())
    cpp.llama_log_set(silent, None)
    cpp.llama_backend_init()
    prompts = sorted(request["prompts"], key=len)
    size, length = request["batch_size"], request["tokens"]
    results = []
    for configuration in request["configurations"]:
        path = pathlib.Path(request["directory"]) / f"{configuration['type']}.gguf"
        if not path.exists():
            write_gguf(pathlib.Path(request["model"]), configuration["type"], path)
        answers = Answers(path, size, len(prompts[-1]) + length, configuration["flash"], request["threads"])
        answers.answer(prompts[:size], 2)
        started = time.monotonic()
        found = []
        for first in range(0, len(prompts), size):
            found += answers.answer(prompts[first : first + size], length)
        seconds = time.monotonic() - started
        answers.free()
        results.append({**configuration, "seconds": seconds, "first_tokens": [answer[0] for answer in found]})
    pathlib.Path(f"{sys.argv[1]}.result").write_text(json.dumps(results))


if __name__ == "__main__":
    main()

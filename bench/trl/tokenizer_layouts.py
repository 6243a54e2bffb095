"""Directories with small tokenizers, as people's models have them: every kind of model and post-processor, tokens named in every place.

Models are made by the tokenizers library from a little English text, so that nothing needs to be fetched. `build` yields (name, directory).
"""

import copy
import json

import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

import common

USER, BOT, THINK = "<|user|>", "<|bot|>", "<think>"
NAMED = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
CONFIG = {"tokenizer_class": "PreTrainedTokenizerFast", **NAMED, "clean_up_tokenization_spaces": False}


def flags(content, **changed):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True, **changed}


def template(before, behind, ids):
    def pieces(tokens):
        return [{"SpecialToken": {"id": token, "type_id": 0}} for token in tokens]
    text = {"Sequence": {"id": "A", "type_id": 0}}
    second = {"Sequence": {"id": "B", "type_id": 1}}
    single = [*pieces(before), text, *pieces(behind)]
    special = {token: {"id": token, "ids": [ids[token]], "tokens": [token]} for token in {*before, *behind}}
    return {"type": "TemplateProcessing", "single": single, "pair": [*single, second], "special_tokens": special}


def trained(model, trainer, texts, normalizer=None, pre_tokenizer=None, decoder=None):
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = normalizer, pre_tokenizer, decoder
    tokenizer.train_from_iterator(texts, trainer)
    return json.loads(tokenizer.to_str())


def bases():
    """One tokenizer.json of each kind, with a post-processor that puts <s> before a text."""
    rows = common.read_jsonl(common.shared_file("data/preference/rasbt_politeness_test.jsonl"))
    texts = [message["content"] for row in rows for key in ("prompt", "chosen", "rejected") for message in row[key]]
    special = ["<unk>", "<s>", "</s>"]
    quiet = {"special_tokens": special, "show_progress": False}
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    result = {
        "pieces": json.loads(common.shared_file("models/stories260k/tokenizer.json").read_text()),
        "bytes": trained(
            models.BPE(),
            trainers.BpeTrainer(vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), **quiet),
            texts, normalizers.NFC(), byte_level, decoders.ByteLevel(),
        ),
        "unigram": trained(
            models.Unigram(), trainers.UnigramTrainer(vocab_size=400, unk_token="<unk>", **quiet), texts,
            normalizers.NFKC(), pre_tokenizers.Metaspace(), decoders.Metaspace(),
        ),
        "wordpiece": trained(
            models.WordPiece(unk_token="<unk>"), trainers.WordPieceTrainer(vocab_size=500, **quiet), texts,
            normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer(), decoders.WordPiece(),
        ),
    }
    for definition in result.values():
        definition["post_processor"] = template(["<s>"], [], ids(definition))
    return result


def ids(definition):
    return {token["content"]: token["id"] for token in definition["added_tokens"]}


def size(definition):
    return len(definition["model"]["vocab"])


def places(definition):
    """Files that name the three markers, each in another place. Missing files are not written."""
    first = size(definition)
    markers = [flags(USER), flags(BOT), flags(THINK, special=False)]
    decoder = {str(token["id"]): {k: v for k, v in token.items() if k != "id"} for token in definition["added_tokens"]}
    decoder |= {str(first + i): marker for i, marker in enumerate(markers)}
    map_of_objects = {name: {k: v for k, v in flags(token).items() if k != "special"} for name, token in NAMED.items()}
    yield "plain", {"tokenizer_config.json": CONFIG}
    yield "no configuration but a map", {"special_tokens_map.json": NAMED}
    yield "map of objects", {"tokenizer_config.json": CONFIG, "special_tokens_map.json": map_of_objects}
    yield "added_tokens_decoder", {"tokenizer_config.json": {**CONFIG, "added_tokens_decoder": decoder}}
    yield "added_tokens_decoder out of order, map ignored", {
        "tokenizer_config.json": {**CONFIG, "added_tokens_decoder": dict(reversed(decoder.items()))},
        "special_tokens_map.json": {"additional_special_tokens": ["Hello"]},
    }
    yield "additional_special_tokens", {"tokenizer_config.json": {**CONFIG, "additional_special_tokens": [USER, BOT, THINK]}}
    yield "additional_special_tokens as objects", {
        "tokenizer_config.json": {**CONFIG, "extra_special_tokens": {}, "additional_special_tokens": [
            {"__type": "AddedToken", **flags(USER, lstrip=True)}, {"__type": "AddedToken", **flags(BOT, rstrip=True)}, THINK]}}
    yield "extra_special_tokens, a list", {"tokenizer_config.json": {**CONFIG, "extra_special_tokens": [THINK, USER, BOT]}}
    yield "extra_special_tokens, an object", {
        "tokenizer_config.json": {**CONFIG, "extra_special_tokens": {"user_token": USER, "bot_token": BOT}, "think_token": THINK}}
    yield "both lists: one is ignored", {
        "tokenizer_config.json": {**CONFIG, "extra_special_tokens": [USER], "additional_special_tokens": [BOT, THINK]}}
    yield "additional_special_tokens of the map", {
        "tokenizer_config.json": CONFIG, "special_tokens_map.json": {**NAMED, "additional_special_tokens": [USER, BOT]}}
    yield "extra_special_tokens of both", {
        "tokenizer_config.json": {**CONFIG, "extra_special_tokens": [BOT]},
        "special_tokens_map.json": {"extra_special_tokens": [USER, BOT]}}
    yield "added_tokens.json", {
        "tokenizer_config.json": {**CONFIG, "additional_special_tokens": [BOT]},
        "added_tokens.json": {THINK: first + 2, USER: first, BOT: first + 1}}
    yield "named tokens that are new", {
        "tokenizer_config.json": {**CONFIG, "eos_token": BOT, "pad_token": "<pad>", "cls_token": USER, "mask_token": {
            "__type": "AddedToken", **flags("<mask>", lstrip=True, normalized=True, special=False)}}}
    yield "the map overrides", {"tokenizer_config.json": CONFIG, "special_tokens_map.json": {"eos_token": BOT, "sep_token": flags(USER)}}
    yield "single words and normalized", {
        "tokenizer_config.json": {**CONFIG, "added_tokens_decoder": {
            **{k: v for k, v in decoder.items() if int(k) < first}, str(first): flags("the", single_word=True, special=False),
            str(first + 1): flags("Hello", normalized=True, special=False), str(first + 2): flags(BOT, lstrip=True, rstrip=True)}}}
    changed = copy.deepcopy(decoder)
    changed[str(ids(definition)["</s>"])].update(lstrip=True, rstrip=True)
    yield "other flags than the file's", {"tokenizer_config.json": {**CONFIG, "added_tokens_decoder": changed}}
    yield "flags that do nothing", {
        "tokenizer_config.json": {**CONFIG, "add_bos_token": False, "add_eos_token": True, "add_prefix_space": False, "legacy": True}}
    yield "flags of the map", {"tokenizer_config.json": CONFIG, "special_tokens_map.json": {**NAMED, "add_bos_token": True, "add_eos_token": True}}


def post_processors(definition):
    known = ids(definition)
    start, end = ["<s>", known["<s>"]], ["</s>", known["</s>"]]
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True}
    roberta = {"type": "RobertaProcessing", "sep": end, "cls": start, "trim_offsets": True, "add_prefix_space": False}
    yield "none", None
    yield "template with the end token", template(["<s>"], ["</s>"], known)
    yield "template with the end token twice", template([], ["</s>", "</s>"], known)
    yield "BertProcessing", {"type": "BertProcessing", "sep": end, "cls": start}
    yield "RobertaProcessing", roberta
    yield "ByteLevel", byte_level
    yield "a sequence", {"type": "Sequence", "processors": [byte_level, template(["<s>"], ["</s>"], known)]}
    yield "a sequence of two", {"type": "Sequence", "processors": [roberta, template(["<s>"], ["</s>"], known)]}


def classes():
    """(base, tokenizer_config.json, config.json): the class that transformers makes may take no more than the vocabulary."""
    for legacy in (None, True, False):
        yield "pieces", {"tokenizer_class": "LlamaTokenizerFast", "legacy": legacy}, {"model_type": "llama"}
    for space in (True, False, None):
        yield "pieces", {"tokenizer_class": "LlamaTokenizer", "add_prefix_space": space}, {"model_type": "llama"}
    yield "pieces", {"tokenizer_class": "CodeLlamaTokenizer"}, {"model_type": "llama"}
    yield "pieces", {"tokenizer_class": "LlamaTokenizer"}, {"model_type": "mistral"}
    yield "pieces", {"tokenizer_class": "GemmaTokenizer"}, {"model_type": "llama"}
    yield "pieces", {"tokenizer_class": None}, {"model_type": "llama", "tokenizer_class": "LlamaTokenizer"}
    yield "bytes", {"tokenizer_class": "OurOwnTokenizer"}, {"model_type": "llama"}
    yield "bytes", {"tokenizer_class": "LlamaTokenizerFast"}, {"model_type": "qwen2"}
    for name in ("GPT2Tokenizer", "GPTNeoXTokenizerFast", "Qwen2TokenizerFast", "Qwen3_5Tokenizer", "CohereTokenizer"):
        yield "bytes", {"tokenizer_class": name}, {"model_type": "llama"}
    yield "bytes", {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True}, {"model_type": "llama"}


def layouts():
    """(name, tokenizer.json, other files)"""
    made = bases()
    for base, definition in made.items():
        for place, files in places(definition):
            if base in ("pieces", "bytes") or place in ("plain", "added_tokens_decoder", "single words and normalized"):
                yield f"{base}: {place}", definition, files
    for base in ("pieces", "bytes"):
        for name, processor in post_processors(made[base]):
            yield f"{base}: post-processor: {name}", {**made[base], "post_processor": processor}, {"tokenizer_config.json": CONFIG}
    for base, tokenizer_config, config in classes():
        name = f"{base}: {' '.join(map(str, [*tokenizer_config.values(), *config.values()]))}"
        named = {**CONFIG, **tokenizer_config}
        named = {key: value for key, value in named.items() if value is not None or key != "tokenizer_class"}
        yield name, made[base], {"tokenizer_config.json": {**named, "additional_special_tokens": [USER]}, "config.json": config}
        yield f"{name}, no names", made[base], {
            "tokenizer_config.json": {**{k: v for k, v in named.items() if k not in NAMED}, "eos_token": "</s>"}, "config.json": config}


def build(parent):
    for number, (name, definition, files) in enumerate(layouts()):
        directory = parent / f"{number:03}"
        directory.mkdir()
        for file, content in {"config.json": {"model_type": "llama"}, "tokenizer.json": definition, **files}.items():
            (directory / file).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        yield name, directory

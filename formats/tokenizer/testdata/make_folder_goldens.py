"""What Transformers makes of folders without a tokenizer.json, and tiktoken of a list of tokens.

Run with the Python packages transformers (4.57: later ones have no slow classes, which alone follow
SentencePiece), tokenizers, sentencepiece, protobuf and tiktoken installed:
    python make_folder_goldens.py
The folders are made of the tokenizers that are here already; nothing is trained. It writes folders.golden.json,
literal.golden.json and tiktoken.golden.json.
"""

import base64
import json
import os
import pathlib
import tempfile

from tokenizers import Tokenizer
from transformers import AutoTokenizer

HERE = pathlib.Path(__file__).parent
TEXTS = [t for t in (case["text"] for case in json.loads((HERE / "gpt2.golden.json").read_text(encoding="utf-8"))) if len(t) < 120][:40] + [
    "The garden's lamp, the RIVER and the café!", "lamp <mask>river", "[MASK] [mask] lamp[SEP]", "<s>lamp</s> river <pad>", "lamp<extra_id_1> <extra_id_0>river",
    "a<|im_end|>b <|endoftext|>", "<new>x <NEW> y", "\u200b漢字 e\u0301 ﬁ ①", "lamp  </s>  river", "I'M 12345 we'll"]

FOLDERS = {
    # name: the tokenizer that the vocabulary is from, and the files beside it
    "gpt2": ("gpt2", {"tokenizer_config.json": {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "bos_token": "<s>"},
                      "special_tokens_map.json": {"bos_token": "<s>", "pad_token": {"content": "<pad>", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False}},
                      "added_tokens.json": {"<new>": 500}}),
    "gpt2 by its model": ("gpt2", {"config.json": {"model_type": "gpt2"}, "tokenizer_config.json": {"add_prefix_space": True}}),
    "roberta": ("gpt2", {"tokenizer_config.json": {"tokenizer_class": "RobertaTokenizer"}}),
    "codegen": ("gpt2", {"tokenizer_config.json": {"tokenizer_class": "CodeGenTokenizer"}}),
    "deberta": ("gpt2", {"tokenizer_config.json": {"tokenizer_class": "DebertaTokenizer"}}),
    "qwen2": ("qwen2", {"tokenizer_config.json": {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}}),
    "bert": ("bert", {"tokenizer_config.json": {"tokenizer_class": "BertTokenizer"}}),
    "bert cased": ("bert", {"tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False}}),
    "distilbert": ("bert", {"config.json": {"model_type": "distilbert"}, "special_tokens_map.json": {"additional_special_tokens": ["<new>"]}}),
    "xlm-roberta": ("spm_unigram.model", {"tokenizer_config.json": {"tokenizer_class": "XLMRobertaTokenizer"}}),
    "camembert": ("spm_unigram.model", {"tokenizer_config.json": {"tokenizer_class": "CamembertTokenizer"}}),
    "t5": ("spm_unigram.model", {"tokenizer_config.json": {"tokenizer_class": "T5Tokenizer", "extra_ids": 3}}),
    "llama": ("llama.model", {"tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "legacy": False, "pad_token": "<pad>"},
                              "special_tokens_map.json": {"additional_special_tokens": ["<new>", "<|im_end|>"]}}),
}


def vocabulary(folder, name):
    """Writes the vocabulary as folders had it before tokenizer.json."""
    if name.endswith(".model"):
        at = "sentencepiece.bpe.model" if name.startswith("spm") else "tokenizer.model"
        (folder / at).write_bytes((HERE / name).read_bytes())
        return
    model = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))["model"]
    vocab = model["vocab"]
    if model["type"] == "WordPiece":
        (folder / "vocab.txt").write_text("".join(w + "\n" for w in sorted(vocab, key=vocab.get)), encoding="utf-8", newline="\n")
        return
    (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
    merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(m + "\n" for m in merges), encoding="utf-8", newline="\n")


def folders():
    out = []
    for name, (source, files) in FOLDERS.items():
        with tempfile.TemporaryDirectory() as d:
            d = pathlib.Path(d)
            vocabulary(d, source)
            if name == "t5":
                os.rename(d / "sentencepiece.bpe.model", d / "spiece.model")
            if name == "qwen2":
                added = json.loads((HERE / "qwen2.json").read_text(encoding="utf-8"))["added_tokens"]
                keys = ("content", "lstrip", "rstrip", "normalized", "single_word", "special")
                files["tokenizer_config.json"]["added_tokens_decoder"] = {str(a["id"]): {k: a[k] for k in keys} for a in added}
            for file, content in files.items():
                (d / file).write_text(json.dumps(content))
            t = AutoTokenizer.from_pretrained(d, use_fast=not source.endswith(".model"))
            # [MASK] is in no model of these classes, nor <s> in T5's. The slow T5 closes no text that ends with its end token
            # already; the fast one and we do.
            texts = TEXTS if not source.startswith("spm") else [s for s in TEXTS if "[MASK]" not in s]
            if name == "t5":
                texts = [s for s in texts if "<s>" not in s and not s.rstrip().endswith("</s>")]
            out.append({"name": name, "vocabulary": source, "files": files, "cases": [{"text": s, "ids": t(s)["input_ids"]} for s in texts]})
    write("folders", out)


def literal():
    out = []
    for name in ("llama3", "qwen2", "llama2", "bert"):
        t = Tokenizer.from_str((HERE / f"{name}.json").read_text(encoding="utf-8"))
        t.no_truncation()
        special = [a["content"] for a in json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))["added_tokens"]]
        t.encode_special_tokens = True
        texts = [x + s + y for s in special for x, y in (("lamp ", " river"), ("<", "|>"), ("", ""))] + ["".join(special)]
        out.append({"name": name, "cases": [{"text": s, "ids": t.encode(s, add_special_tokens=False).ids} for s in texts]})
    write("literal", out)


def ranks():
    """A list as long as Llama 3's, by which it is known: bytes, pairs of bytes, and words of three letters."""
    letters = "etaoinshrdlucmfwypvbgkjqxz '.,0123456789"
    tokens = [bytes([a]) for a in range(256)] + [bytes([a, b]) for a in range(256) for b in range(256)]
    tokens += [(a + b + c).encode() for a in letters for b in letters for c in letters]
    return {b: i for i, b in enumerate(tokens[:128000])}


def tiktokens():
    import tiktoken
    pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    special = {"<|begin_of_text|>": 128000, "<|end_of_text|>": 128001, "<|start_header_id|>": 128006, "<|end_header_id|>": 128007, "<|eot_id|>": 128009,
               "<|reserved_special_token_247|>": 128255}
    t = tiktoken.Encoding("llama3", pat_str=pattern, mergeable_ranks=ranks(), special_tokens=special)
    texts = TEXTS + ["".join(special), "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"]
    write("tiktoken", [{"text": s, "ids": (ids := t.encode(s, allowed_special="all")), "skipped": t.decode([i for i in ids if i < 128000])} for s in texts])


def write(name, value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    text = text.replace('{"text"', '\n{"text"').replace('{"name"', '\n{"name"')
    (HERE / f"{name}.golden.json").write_text(text + "\n", encoding="utf-8")


def main():
    folders()
    literal()
    tiktokens()


main()

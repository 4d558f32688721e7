"""What the libraries make of texts with real tokenizers, for tokenizercheck to compare.

    python tokenizer_cases.py --out OUT [--text FILE ...] TOKENIZER ...
    go run ./tools/oracle/tokenizercheck OUT/*.jsonl

A TOKENIZER is a file: a tokenizer.json is asked of the Python package tokenizers
(the Rust library), a *.model of sentencepiece, a tekken*.json of mistral-common, a list of tokens in tiktoken's
form of tiktoken; or a folder without tokenizer.json, which Transformers is asked of (tokenizer_folders.py makes some). Texts are those
below, random strings (the same ones every time), and pieces of the files given with --text; encoding these last is
timed: processor time of one thread, the best of three; with --parallel also a tokenizer.json's whole batch on all
processors, in wall time.
A line of the output after the first is a text, its tokens (id, and where the library gives them the bytes it
stands for), the same with special tokens around, and what decoding gives back.
"""

import argparse
import json
import os
import pathlib
import random
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
sys.path.remove(str(pathlib.Path(__file__).parent))  # this file is named like the package

WORDS = ("the of and naïve café Straße señor isn't WE'LL I'm don't 3.14 1,000 2024-01-31 foo_bar fooBar HTTPServer "
         "日本語 中文字符 漢字 ひらがな カタカナ 한국어 안녕하세요 привет мир мама как дела مرحبا بالعالم سلام עברית שלום नमस्ते दुनिया ไทย สวัสดี "
         "ελληνικά Ἀθῆναι Türkiye İstanbul ı ẞ ß ǆ ﬁ ﷺ ½ ² ① Ⅷ ℌ Å Å é e\u0301 a\u0323\u0302 s\u0307\u0323 ạ̈ q̃ "
         "👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ❤️ ☃ 𝒳 𐍈 \U000f0000 \u200b \u200d \ufeff \u00ad \u202e \ufffd \u2028").split(" ")

TEXTS = [
    "", " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", "\x00", "a", "A", " a", "a ", "  a  b  ", "▁", " ▁ ▁▁a▁ ", "Ġa Ċ", "<0x0A><0xE2>",
    "Hello world", "Hello, world! How's it going? I'll be there; won't you?", "HELLO WORLD", "trailing   \n\n  ",
    "def f(x: int) -> int:\n    return x + 1  # comment\n\n\tif (a && b || !c) { printf(\"%d\\n\", 0xFF); }\r\n",
    "SELECT * FROM t WHERE a >= 10 AND b != 'x''y'; -- done", "<html>\n  <body class=\"a\">&nbsp;</body>\n</html>",
    "https://example.com/a?b=c&d=%20#frag user@example.com", "1234567890 12 345 6789 0.5e-10 １２３ ٣٤٥ ४५६",
    "日本語の文章と中文。한국어도 있습니다。", "مرحبا بالعالم، كيف حالك؟ ١٢٣", "שלום עולם", "สวัสดีชาวโลก", "नमस्ते दुनिया।",
    "👩‍👩‍👧‍👦👍🏽🏳️‍🌈🇩🇪❤️", "e\u0301 e\u0301\u0323 a\u0302\u0323 \u0301 x\u0335\u0336\u0337", "\u1100\u1161\u11a8 \uac01 \ud7a3\u11a8",
    "".join(chr(c) for c in range(0x01, 0x20)), "".join(chr(c) for c in range(0x7F, 0xA1)), "\u2000\u2001\u2002\u2003\u2009\u200a\u202f\u205f\u3000",
    "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\ufffe\uffff\U0010ffff", "<s>a</s> <unk> <pad> <mask> [CLS] [SEP] [MASK] [UNK]",
    "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>", "<|im_start|>user\nHi<|im_end|>\n", "<|endoftext|>x<|endoftext|>",
    "<start_of_turn>user\nHi<end_of_turn>\n<bos><eos>", "[INST] Hi [/INST] ok</s>", " <mask>  x<mask>y <extra_id_0> <extra_id_99>",
    "a" * 300, "ab" * 200, " " * 300, "\n" * 100, "\t " * 50, "!?" * 100, "=" * 200, "😀" * 50, "é" * 200, "e\u0301" * 100, "漢" * 300, "a\u0301\u0301" * 40,
    "x" * 5000, "word " * 1000, "lorem ipsum " * 300 + "\n", "'" * 50 + "s", "<" * 60,
]

RANGES = [(0x20, 0x7E)] * 6 + [
    (0, 0x1F), (0x80, 0x24F), (0x250, 0x2FF), (0x300, 0x36F), (0x370, 0x52F), (0x5B0, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF), (0x1E00, 0x1FFF),
    (0x2000, 0x206F), (0x2070, 0x2BFF), (0x3000, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xE000, 0xE100), (0xF900, 0xFB4F), (0xFE00, 0xFEFF),
    (0xFF00, 0xFFEF), (0x1D400, 0x1D7FF), (0x1F1E6, 0x1F6FF), (0x1F900, 0x1F9FF), (0x20000, 0x20100), (0, 0xD7FF), (0xE000, 0x10FFFF)]


def random_texts(count, added):
    rng = random.Random(11)
    texts = []
    for _ in range(count):
        pick = [lambda: chr(rng.randint(*rng.choice(RANGES))), lambda: rng.choice(" \n\t  '.1"), lambda: rng.choice(WORDS), lambda: " " + rng.choice(WORDS)]
        if added and rng.random() < 0.4:
            pick.append(lambda: rng.choice(added))
        texts.append("".join(rng.choice(pick)() for _ in range(rng.randrange(1, 40))))
    return texts


def file_texts(paths):
    for path in paths:
        data = pathlib.Path(path).read_text(encoding="utf-8")
        lines = data.split("\n")
        yield from (line for line in lines[:400])
        yield from (data[i:i + 3000] for i in range(0, min(len(data), 150000), 3000))


def byte_offsets(text, encoding):
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode()))
    return [[i, at[a], at[b]] for i, (a, b) in zip(encoding.ids, encoding.offsets)]


def from_rust(path):
    from tokenizers import Tokenizer
    state = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    state["truncation"] = state["padding"] = None
    t = Tokenizer.from_str(json.dumps(state))
    pieces = any(path.glob("*.model"))
    bare = Tokenizer.from_str(json.dumps(dict(state, post_processor=None)))

    # 0.23 decodes an added token that is matched in the normalized text to its normalized form, and then does not
    # know it for special; earlier versions and we decode it to its content.
    plain = Tokenizer.from_str(json.dumps(dict(state, added_tokens=[dict(a, normalized=False) for a in state.get("added_tokens", [])])))

    def case(text):
        special = t.encode(text)
        tokens = byte_offsets(text, bare.encode(text)), byte_offsets(text, special)
        if pieces:  # offsets are SentencePiece's own with us
            tokens = [[[i] for i, _, _ in ts] for ts in tokens]
        return {"tokens": tokens[0], "special": tokens[1],
                "decoded": plain.decode(special.ids, skip_special_tokens=False), "skipped": plain.decode(special.ids, skip_special_tokens=True)}
    def encode(text):
        return bare.encode(text)
    encode.batch = bare.encode_batch_fast
    return case, encode, [a["content"] for a in state.get("added_tokens", [])][:200]


def from_sentencepiece(path):
    import sentencepiece
    t = sentencepiece.SentencePieceProcessor(model_file=str(path))

    def case(text):
        ids = t.encode(text)
        return {"tokens": [[i] for i in ids], "skipped": None if t.unk_id() in ids else t.decode(ids)}
    added = [t.id_to_piece(i) for i in range(t.vocab_size()) if t.is_control(i) or t.id_to_piece(i)[:1] in "<["]
    return case, t.encode, added[:200]


def from_mistral(path):
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer
    t = Tekkenizer.from_file(str(path))

    def case(text):
        ids = t.encode(text, bos=False, eos=False)
        return {"tokens": [[i] for i in ids], "skipped": t.decode(ids)}
    return case, lambda text: t.encode(text, bos=False, eos=False), []


def from_tiktoken(path):
    """With what the file does not say: Llama 3's rules or Qwen's, as their makers' own code has them."""
    import unicodedata

    import tiktoken
    from tiktoken.load import load_tiktoken_bpe
    ranks = load_tiktoken_bpe(str(path))
    llama = len(ranks) == 128000
    names = {"<|begin_of_text|>": 128000, "<|end_of_text|>": 128001, "<|start_header_id|>": 128006, "<|end_header_id|>": 128007, "<|eot_id|>": 128009}
    if not llama:
        names = {"<|endoftext|>": 151643, "<|im_start|>": 151644, "<|im_end|>": 151645}
    digits = r"\p{N}{1,3}" if llama else r"\p{N}"
    pattern = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + digits + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    t = tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks=ranks, special_tokens=names)

    def encode(text):
        return t.encode(text if llama else unicodedata.normalize("NFC", text), allowed_special="all")

    def case(text):
        ids = encode(text)
        special = [128000] * llama + ids
        return {"tokens": [[i] for i in ids], "special": [[i] for i in special], "decoded": t.decode(special)}
    return case, encode, list(names)


def from_folder(path):
    """Of a SentencePiece model the slow class is asked, which Transformers 4 has: it gives no offsets. Version 5 has only
    those that take the model for something of the Rust library's, with other results."""
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer
    t = AutoTokenizer.from_pretrained(path, use_fast=not any(path.glob("*.model")))
    bare = t.is_fast and Tokenizer.from_str(json.dumps(dict(json.loads(t.backend_tokenizer.to_str()), post_processor=None)))

    def decode(ids, skip):
        if not t.is_fast and t.unk_token_id in ids:
            return None
        return t.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False)

    def case(text):
        ids = t(text)["input_ids"]
        if not t.is_fast:
            return {"tokens": [[i] for i in t(text, add_special_tokens=False)["input_ids"]], "special": [[i] for i in ids], "skipped": decode(ids, True)}
        special = t.backend_tokenizer.encode(text)
        assert ids == special.ids
        return {"tokens": byte_offsets(text, bare.encode(text)), "special": byte_offsets(text, special), "decoded": decode(ids, False), "skipped": decode(ids, True)}
    return case, lambda text: t(text)["input_ids"], t.all_special_tokens[:200]


def library_of(path):
    if path.is_dir():
        return from_folder
    if path.suffix in (".model", ".tiktoken"):
        return from_tiktoken if b" " in path.open("rb").readline(60)[-6:] else from_sentencepiece
    return from_mistral if path.name.startswith("tekken") else from_rust


def seconds(encode, texts):
    return best(time.process_time, lambda: [encode(text) for text in texts]) if texts else 0


def best(clock, work):
    """Seconds of the best of three rounds."""
    times = []
    for _ in range(3):
        start = clock()
        work()
        times.append(clock() - start)
    return min(times)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--out", required=True, type=pathlib.Path)
    p.add_argument("--text", nargs="*", default=[])
    p.add_argument("--parallel", action="store_true")
    p.add_argument("--random", type=int, default=1500)
    p.add_argument("tokenizer", nargs="+", type=pathlib.Path)
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    if a.parallel:
        os.environ["TOKENIZERS_PARALLELISM"] = "true"
        del os.environ["RAYON_NUM_THREADS"]
    for path in a.tokenizer:
        case, encode, added = library_of(path)(path)
        real = list(file_texts(a.text))
        texts = TEXTS + random_texts(a.random, added) + real
        name = f"{path.parent.name}-{path.name}"
        with open(a.out / f"{name}.jsonl", "w", encoding="utf-8") as f:
            batch = best(time.perf_counter, lambda: encode.batch(real)) if a.parallel and real and hasattr(encode, "batch") else 0
            f.write(json.dumps({"path": os.path.abspath(path), "timed": len(real), "seconds": seconds(encode, real), "batch": batch}) + "\n")
            for text in texts:
                try:
                    text.encode()
                    f.write(json.dumps({"text": text, **case(text)}) + "\n")
                except Exception as e:  # what the library refuses, ours must refuse
                    f.write(json.dumps({"text": text, "error": str(e)}) + "\n")
        print(name, len(texts), flush=True)


main()

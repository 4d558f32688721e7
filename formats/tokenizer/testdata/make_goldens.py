"""Trains small tokenizers with the Rust library and encodes texts with it.

Run with the Python package tokenizers installed:
    python make_goldens.py
It writes NAME.json, a tokenizer.json, and NAME.golden.json for each kind.
"""

import json
import pathlib
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
rng = random.Random(7)

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

NOUNS = "river lamp teacher window garden number letter machine winter bottle café naïve señor straße".split()
VERBS = "holds opens counts carries finds writes makes turns reads keeps".split()
OTHER = "日本語の文章 中文字符测试 привет мир как дела مرحبا بالعالم नमस्ते 한국어 שלום".split()


def sentence():
    words = ["The", rng.choice(NOUNS), rng.choice(VERBS), str(rng.randrange(2000)), rng.choice(NOUNS) + "s", "and",
             rng.choice(OTHER + NOUNS), "because", "it", "isn't", rng.choice(NOUNS)]
    return " ".join(words) + rng.choice([".", "!", "?\n", ",\n\n    def f(x):\n\treturn x + 1\n"])


CORPUS = [" ".join(sentence() for _ in range(20)) for _ in range(60)]

TEXTS = [
    "", "a", " ", "   ", "\n", "\n\n  \n", "Hello world", " leading", "trailing ", "The lamp isn't 12345 café\n\n  x",
    "I'M you'LL we've 'S", "def f(x):\n    return x  # 1_000\r\n\tpass", "日本語の文章と中文。한국어", "مرحبا بالعالم ١٢٣",
    "👩‍👩‍👧 👍🏽 🏳️‍🌈", "e\u0301 a\u0323\u0302 a\u0302\u0323 s\u0323\u0307 ﬁ Å ① \u1100\u1161\u11a8", "\u0000\u0001\x7f\x85\u00a0\ufeff\u2028\u3000",
    "<s>a</s>", "  <mask>  b", "x<mask>", "say<word>now <word> now", "<|eot|>\n<|eot|>", "a <s> b<unk> </s>", "▁ ▁a_▁", "İ ẞ ſ K ß",
    "a" * 400, "ab " * 60, " " * 300, "\t" * 40 + "x", "!?" * 60, "\U0001f600" * 20, "Ġ Ċ <0x41> <0xE3>",
]
RANGES = [(32, 126)] * 4 + [(0, 31), (0xA0, 0x17F), (0x300, 0x36F), (0x400, 0x44F), (0x5D0, 0x5EA), (0x627, 0x64A), (0x905, 0x939),
                            (0x2010, 0x203A), (0x3041, 0x30FF), (0x4E00, 0x4FFF), (0xAC00, 0xACFF), (0x1F600, 0x1F64F)]
for _ in range(60):
    pick = [lambda: chr(rng.randint(*rng.choice(RANGES))), lambda: rng.choice(" \n\t'1"), lambda: rng.choice(NOUNS + OTHER),
            lambda: rng.choice(["<s>", "</s>", "<mask>", "<word>", "<|eot|>", " "])]
    TEXTS.append("".join(rng.choice(pick)() for _ in range(rng.randrange(1, 25))))

ADDED = [AddedToken("<mask>", lstrip=True, rstrip=True, special=True, normalized=False),
         AddedToken("<word>", single_word=True, normalized=False), AddedToken("café au lait", normalized=True)]


def byte_level_trainer(special):
    return trainers.BpeTrainer(vocab_size=500, special_tokens=special, show_progress=False,
                               initial_alphabet=pre_tokenizers.ByteLevel.alphabet())


def gpt2():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.post_processor = processors.ByteLevel(trim_offsets=True)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(CORPUS, byte_level_trainer(["<s>", "</s>", "<|eot|>"]))
    return t


def llama3():
    t = Tokenizer(models.BPE(ignore_merges=True))
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(CORPUS, byte_level_trainer(["<s>", "</s>", "<|eot|>"]))
    t.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", t.token_to_id("<s>"))])])
    return t


def qwen2():
    t = llama3()
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3.replace("{1,3}", "")), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t.post_processor = processors.ByteLevel(trim_offsets=True)
    return t


def smollm():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=True)])
    t.post_processor = processors.ByteLevel(trim_offsets=True, add_prefix_space=True)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(CORPUS, byte_level_trainer(["<s>", "</s>", "<|eot|>"]))
    return t


def fallback_trainer():
    return trainers.BpeTrainer(vocab_size=600, show_progress=False, limit_alphabet=90,
                               special_tokens=["<unk>", "<s>", "</s>", "<|eot|>"] + [f"<0x{b:02X}>" for b in range(256)])


def finish_llama2(t):
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    # The bytes are tokens of the model, not added ones that a text could name.
    state = json.loads(t.to_str())
    state["added_tokens"] = [a for a in state["added_tokens"] if not a["content"].startswith("<0x")]
    state["model"]["byte_fallback"] = state["model"]["fuse_unk"] = True
    state["model"]["unk_token"] = "<unk>"
    t = Tokenizer.from_str(json.dumps(state))
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    return t


def llama2():
    t = Tokenizer(models.BPE(unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    t.train_from_iterator(CORPUS, fallback_trainer())
    t.pre_tokenizer = None
    state = json.loads(t.to_str())
    state["pre_tokenizer"] = None
    return finish_llama2(Tokenizer.from_str(json.dumps(state)))


def metaspace():
    t = Tokenizer(models.BPE(unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex("  +"), "  ")])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(prepend_scheme="first"), pre_tokenizers.Digits(),
                                               pre_tokenizers.Punctuation("contiguous")])
    t.train_from_iterator(CORPUS, fallback_trainer())
    t = finish_llama2(t)
    t.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
    return t


def byte_offsets(text, encoding):
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode()))
    return [[i, at[a], at[b]] for i, (a, b) in zip(encoding.ids, encoding.offsets)]


def main():
    for make in (gpt2, llama3, qwen2, smollm, llama2, metaspace):
        t = make()
        t.add_tokens(ADDED)
        t.add_special_tokens([ADDED[0]])
        state = json.loads(t.to_str())
        bare = Tokenizer.from_str(json.dumps(dict(state, post_processor=None)))
        cases = []
        for text in TEXTS:
            special = t.encode(text)
            ids = special.ids + [rng.randrange(t.get_vocab_size()) for _ in range(3)]
            cases.append({
                "text": text, "tokens": byte_offsets(text, bare.encode(text)), "special": byte_offsets(text, special),
                "ids": ids, "decoded": t.decode(ids, skip_special_tokens=False), "skipped": t.decode(ids, skip_special_tokens=True)})
        name = make.__name__
        (HERE / f"{name}.json").write_text(json.dumps(state, ensure_ascii=False, separators=(",", ":")) + "\n")
        (HERE / f"{name}.golden.json").write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")).replace('{"text"', '\n{"text"') + "\n")
        print(name, t.get_vocab_size(), len(cases), sum(len(c["tokens"]) for c in cases))


main()

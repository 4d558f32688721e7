"""Trains small tokenizers of the other kinds and encodes texts with the libraries.

Run with the Python packages tokenizers, sentencepiece, protobuf, mistral-common and transformers installed:
    python make_more_goldens.py
It writes tokenizer.json files with what the Rust library makes of texts, as make_goldens.py does, and
SentencePiece models and a tekken.json with what their own libraries make of them. Some trainers are not
the same twice: models and goldens of one run belong together.
"""

import base64
import io
import json
import pathlib
import random
import re
import tempfile

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = pathlib.Path(__file__).parent
rng = random.Random(8)

EARLIER = [case["text"] for case in json.loads((HERE / "gpt2.golden.json").read_text(encoding="utf-8"))]
NOUNS = "river lamp teacher window garden number letter machine winter bottle café naïve señor straße".split()
OTHER = "日本語の文章 中文字符测试 привет мир как дела مرحبا بالعالم नमस्ते 한국어 שלום".split()
SENTENCES = [" ".join(rng.choice(NOUNS + OTHER + "the a holds opens counts 12 345 isn't and".split()) for _ in range(9)) + rng.choice(".!?") for _ in range(900)]

TEXTS = [t for t in EARLIER if len(t) < 200][:45] + [
    "a" * 120, "x" * 101, "The garden's lamp, the RIVER and the café!", "ﬁve ①② Å ｶﾞ", "  two  spaces  ", "\ta\u200bb\u00a0c\u3000d", "<user>lamp<user>", "the <s>lamp</s>",
    "e\u0301\u0323 n\u0303 o\u0308", "\r\n\r\n", "漢字と[MASK]  kana", "🏳️‍🌈🏳️‍🌈 lamp", "\x01\x02", " ", "river.river.river", "1234 12345"]

# A charsmap as a whole language's has thousands of these.
RULES = {"ﬁ": "fi", "①": "1", "②": "2", "ｶ": "カ", "ｶﾞ": "ガ", "\u00a0": " ", "\u3000": " ", "\t": " ", "\u200b": "", "e\u0301": "é", "A\u030a": "Å", "½": "1/2", "\r\n": " "}


def train_spm(folder, name, **options):
    rules = folder / "rules.tsv"
    rules.write_text("".join(" ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n" for a, b in RULES.items()), encoding="utf-8")
    out = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=out, normalization_rule_tsv=str(rules), hard_vocab_limit=False, num_threads=1,
        minloglevel=2, **options)
    model = sentencepiece_model_pb2.ModelProto.FromString(out.getvalue())
    model.normalizer_spec.normalization_rule_tsv = ""  # the name of a file that is gone
    (HERE / f"{name}.model").write_bytes(model.SerializeToString())
    return sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())


def charsmap(path):
    return sentencepiece_model_pb2.ModelProto.FromString(path.read_bytes()).normalizer_spec.precompiled_charsmap


def t5():
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap(HERE / "spm_unigram.model")), normalizers.Nmt()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    t.decoder = decoders.Metaspace()
    t.train_from_iterator(SENTENCES, trainers.UnigramTrainer(vocab_size=300, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False))
    t.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return t


def bert():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(vocab_size=350, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    t.enable_truncation(8)
    return t


def words():
    t = Tokenizer(models.WordLevel(unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.UnicodeScripts(), pre_tokenizers.Whitespace(), pre_tokenizers.FixedLength(7)])
    t.decoder = decoders.CTC(pad_token="<pad>", word_delimiter_token="a")
    t.train_from_iterator(SENTENCES, trainers.WordLevelTrainer(vocab_size=120, special_tokens=["<pad>", "<unk>"], show_progress=False))
    return t


def bytes_first():
    """Bytes that are written out: by a normalizer, and by a pre-tokenizer that another one follows."""
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.ByteLevel(add_prefix_space=False), pre_tokenizers.CharDelimiterSplit("Ġ"), pre_tokenizers.Punctuation()])
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=300, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return t


def byte_offsets(text, encoding):
    at = [0]
    for c in text:
        at.append(at[-1] + len(c.encode()))
    return [[i, at[a], at[b]] for i, (a, b) in zip(encoding.ids, encoding.offsets)]


def write(name, value):
    lines = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    (HERE / name).write_text(lines.replace('{"text"', '\n{"text"') + "\n", encoding="utf-8")


def rust(make):
    t = make()
    t.add_tokens([AddedToken("<user>", single_word=True, normalized=True), AddedToken("  ", normalized=False)])
    t.add_special_tokens([AddedToken("[MASK]", lstrip=True, special=True, normalized=False)])
    state = json.loads(t.to_str())
    whole = Tokenizer.from_str(json.dumps(dict(state, truncation=None)))
    bare = Tokenizer.from_str(json.dumps(dict(state, truncation=None, post_processor=None)))
    cases = []
    for text in TEXTS:
        special = whole.encode(text)
        ids = special.ids + [rng.randrange(t.get_vocab_size()) for _ in range(2)]
        cases.append({"text": text, "tokens": byte_offsets(text, bare.encode(text)), "special": byte_offsets(text, special), "ids": ids,
                      "decoded": t.decode(ids, skip_special_tokens=False), "skipped": t.decode(ids, skip_special_tokens=True)})
    write(f"{make.__name__}.json", state)
    write(f"{make.__name__}.golden.json", cases)


def ids_only(name, encode, decode, unk=None):
    write(f"{name}.golden.json", [{"text": t, "ids": (ids := encode(t)), "skipped": "" if unk in ids else decode(ids), "unknown": unk in ids} for t in TEXTS])


def tekken():
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(SENTENCES, trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    chars = {c: b for b, c in enumerate_bytes()}
    merged = [bytes(chars[c] for c in s) for s, _ in sorted(t.get_vocab().items(), key=lambda x: x[1]) if len(s) > 1]
    vocab = [{"rank": i, "token_bytes": base64.b64encode(b).decode(), "token_str": None} for i, b in enumerate([bytes([b]) for b in range(256)] + merged)]
    special = [{"rank": i, "token_str": s, "is_control": True} for i, s in enumerate(["<unk>", "<s>", "</s>", "[INST]", "[/INST]"])]
    config = {"pattern": r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+", "num_vocab_tokens": len(vocab),
              "default_vocab_size": len(vocab) + 3, "default_num_special_tokens": 10, "version": "v11"}
    write("tekken.json", {"config": config, "vocab": vocab, "special_tokens": special})
    m = Tekkenizer.from_file(str(HERE / "tekken.json"))
    ids_only("tekken", lambda s: m.encode(s, bos=False, eos=False), m.decode)


def enumerate_bytes():
    known = [*range(33, 127), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = iter(range(0x100, 0x200))
    return [(b, chr(b if b in known else next(rest))) for b in range(256)]


def folder():
    """A Llama folder without tokenizer.json, as Transformers reads it."""
    from transformers import AutoTokenizer
    config = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": True, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
              "legacy": False, "added_tokens_decoder": {"0": token("<unk>"), "1": token("<s>"), "2": token("</s>"), "600": token("<|im_end|>", rstrip=True)}}
    for legacy in (False, True):
        name = "legacy" if legacy else "first"
        with tempfile.TemporaryDirectory() as d:
            d = pathlib.Path(d)
            (d / "tokenizer.model").write_bytes((HERE / "llama.model").read_bytes())
            text = json.dumps(dict(config, legacy=legacy), indent=1)
            (d / "tokenizer_config.json").write_text(text)
            (HERE / f"llama.{name}.config.json").write_text(text + "\n")
            t = AutoTokenizer.from_pretrained(d)
            # Where a part already begins with a space, Transformers 5 puts no other one before it; SentencePiece, and
            # Transformers before, do.
            texts = [s for s in TEXTS + ["lamp<|im_end|> \n river<s>\n </s>x"] if not re.search(r"(^|<s>|</s>|<unk>)[ ▁]", s)]
            write(f"llama.{name}.golden.json", [{"text": s, "ids": t(s)["input_ids"]} for s in texts])


def token(content, **more):
    return {"content": content, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True} | more


def main():
    with tempfile.TemporaryDirectory() as d:
        d = pathlib.Path(d)
        unigram = train_spm(d, "spm_unigram", model_type="unigram", vocab_size=330, user_defined_symbols=["<user>", "river."], control_symbols=["[MASK]"])
        bpe = train_spm(d, "spm_bpe", model_type="bpe", vocab_size=700, byte_fallback=True, user_defined_symbols=["<user>", "  "], remove_extra_whitespaces=False,
                        allow_whitespace_only_pieces=True, split_digits=True, character_coverage=0.98)
        out = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(SENTENCES), model_writer=out, model_type="bpe", vocab_size=600, byte_fallback=True, normalization_rule_name="identity",
            remove_extra_whitespaces=False, minloglevel=2, num_threads=1)
        (HERE / "llama.model").write_bytes(out.getvalue())
    for name, m in (("spm_unigram", unigram), ("spm_bpe", bpe)):
        ids_only(name, m.encode, m.decode, m.unk_id())
    for make in (t5, bert, words, bytes_first):
        rust(make)
    tekken()
    folder()


main()

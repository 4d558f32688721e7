"""Takes tokenizer.json files apart into the files that folders had before there was one.

    python tokenizer_folders.py OUT CLASS=TOKENIZER.json ...

makes OUT/CLASS-NAME with vocab.json and merges.txt (or vocab.txt), tokenizer_config.json and, for classes that it is
often missing for, special_tokens_map.json and added_tokens.json. CLASS is one of Transformers', such as
GPT2Tokenizer. Afterwards Transformers builds its tokenizer from these files alone, as this program must.
"""

import json
import pathlib
import sys

NAMED = {
    "GPT2": {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<new pad>"},
    "Qwen2": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    "Bert": {}, "Roberta": {}, "CodeGen": {}, "GPTNeoX": {},
}
SETTINGS = {"Bert": {"do_lower_case": False, "tokenize_chinese_chars": False}, "GPT2": {"add_bos_token": True}, "CodeGen": {"add_prefix_space": True}}


def main():
    out = pathlib.Path(sys.argv[1])
    for argument in sys.argv[2:]:
        cls, path = argument.split("=")
        path = pathlib.Path(path)
        state = json.loads(path.read_text(encoding="utf-8"))
        kind = cls.removesuffix("Tokenizer")
        folder = out / f"{kind}-{path.parent.name}"
        folder.mkdir(parents=True, exist_ok=True)
        vocab = state["model"]["vocab"]
        added = {a["content"]: a["id"] for a in state["added_tokens"] if a["content"] not in vocab}
        if state["model"].get("type", "WordPiece") == "WordPiece":
            words = sorted(vocab, key=vocab.get)
            assert [vocab[w] for w in words] == list(range(len(words)))
            (folder / "vocab.txt").write_text("".join(w + "\n" for w in words), encoding="utf-8", newline="\n")
        else:
            (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")
            merges = [m if isinstance(m, str) else " ".join(m) for m in state["model"]["merges"]]
            (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(m + "\n" for m in merges), encoding="utf-8", newline="\n")
        config = {"tokenizer_class": cls} | SETTINGS.get(kind, {})
        if kind == "Qwen2":
            keys = ("content", "lstrip", "rstrip", "normalized", "single_word", "special")
            config["added_tokens_decoder"] = {str(a["id"]): {k: a[k] for k in keys} for a in state["added_tokens"]}
            config |= NAMED[kind]
        else:
            (folder / "special_tokens_map.json").write_text(json.dumps(NAMED.get(kind, {})))
            if added:
                (folder / "added_tokens.json").write_text(json.dumps(added, ensure_ascii=False))
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=1, ensure_ascii=False))
        print(folder)


main()

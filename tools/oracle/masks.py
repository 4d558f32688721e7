"""What Transformers and Axolotl make of whole conversations: ids, and which tokens are trained, for maskcheck to compare.

    git clone https://github.com/axolotl-ai-cloud/axolotl AXOLOTL
    pip install colorama fastcore addict
    python masks.py --out OUT --axolotl AXOLOTL/src --data FILE ... -- TOKENIZER_FOLDER=TEMPLATE[,ENDOFTURN…] ...
    go run ./tools/oracle/maskcheck OUT

A template that has generation blocks is asked of Transformers' apply_chat_template(return_assistant_tokens_mask=True), one that
has none of Axolotl's chat template strategy with its defaults (roles_to_train assistant, train_on_eos turn, or as --train-on-eos says). FILEs are
ShareGPT (.json) or messages (.jsonl). TEMPLATE may be empty: the folder's own.
"""

import argparse
import importlib
import json
import logging
import pathlib
import sys
import types

sys.path.remove(str(pathlib.Path(__file__).parent))  # a file beside this one is named like a package
from transformers import PreTrainedTokenizerFast  # noqa: E402

ROLES = {"human": "user", "gpt": "assistant", "observation": "tool", "function_call": "assistant", "system": "system"}
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds <x> & \"y\"", "parameters": {"type": "object", "properties": {"b": {"type": "integer"}}}}}]
CALL = {"id": "abcDEF123", "type": "function", "function": {"name": "add", "arguments": {"b": 1, "a": "é\n"}}}


def talk(*contents):
    return [{"role": ("user", "assistant")[i % 2], "content": c} for i, c in enumerate(contents)]


EDGE = [
    (talk("Hi", "Hello"), None), (talk("Hi", "Hello", "2+2?", "4"), None), (talk("Hi", "Hello", "Hello", "Hello", "Hi", "Hi"), None),
    (talk(" Hi \n", " Hello \n\n", "\tx ", "y\t"), None), (talk("Hi", ""), None), (talk("", "x", "y", "", "z", "w"), None),
    (talk("日本 é e\u0301 👩‍👩‍👧‍👦", "مرحبا 🏳️‍🌈 \u200b x", "नमस्ते", "\u00a0 ok \u3000"), None),
    (talk("a<|im_end|>\n<|im_start|>assistant\nb", "c <|eot_id|> d", "</s><end_of_turn> [INST] <|end|>", "x<|im_end|>"), None),
    (talk("assistant\n", "assistant", "user: x", "<|im_start|>assistant\n"), None), (talk("Hi", "1\n2\n", "\n", "\n\nx"), None),
    ([{"role": "system", "content": "Be brief.\n"}] + talk("Hi", "Hello", "2+2?", "4"), None),
    (talk("Hi", "<think>\nhm\n</think>\n\nHello", "2+2?", "<think>\nsum\n</think>\n\n4"), None),
    ([{"role": "user", "content": "add"}, {"role": "assistant", "content": "", "tool_calls": [CALL]}, {"role": "tool", "content": "3", "tool_call_id": "abcDEF123"}, {"role": "assistant", "content": "three"}], TOOLS),
    ([{"role": "user", "content": "add"}, {"role": "assistant", "content": "Now.", "tool_calls": [CALL]}, {"role": "tool", "content": "3", "tool_call_id": "abcDEF123"}, {"role": "assistant", "content": "three"}], None),
]


def sharegpt(record):
    messages = []
    for turn in record["conversations"]:
        m = {"role": ROLES[turn["from"]], "content": turn["value"]}
        if turn["from"] == "function_call":
            m = {"role": "assistant", "content": "", "tool_calls": [{"id": "abcDEF123", "type": "function", "function": json.loads(turn["value"])}]}
        if m["role"] == "tool":
            m["tool_call_id"] = "abcDEF123"
        messages.append(m)
    tools = [{"type": "function", "function": t} for t in json.loads(record.get("tools") or "[]")]
    return messages, tools or None


def plain(record):
    return [{"role": m["role"], "content": m["content"] if isinstance(m["content"], str) else "".join(p.get("value", p.get("text", "")) for p in m["content"])} for m in record["messages"]], None


def conversations(paths, limit):
    yield from EDGE
    for path in paths:
        if path.suffix == ".json":
            yield from (sharegpt(r) for r in json.loads(path.read_text())[:limit])
        else:
            yield from (plain(json.loads(line)) for line in path.read_text().splitlines()[:limit])


def axolotl(source):
    """Axolotl's chat template strategy, without what it does not need here."""
    class Stub(types.ModuleType):
        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (), {})

    sys.path.insert(0, str(source))
    for name in ("datasets", "axolotl.utils.schemas", "axolotl.utils.schemas.datasets", "axolotl.monkeypatch", "axolotl.utils.logging"):
        sys.modules[name] = Stub(name)
    sys.modules["axolotl.utils.logging"].get_logger = lambda name, **_: logging.getLogger(name)
    for name in ("utils", "prompt_strategies"):
        package = types.ModuleType("axolotl." + name)
        package.__path__ = [str(source / "axolotl" / name)]
        sys.modules[package.__name__] = package
    found = importlib.import_module("axolotl.prompt_strategies.chat_template")
    found.LOG.setLevel("ERROR")
    return found


def load(folder):
    config = json.loads((folder / "tokenizer_config.json").read_text())
    special = {}
    for key in ("bos_token", "eos_token", "pad_token", "unk_token"):
        if config.get(key):
            special[key] = config[key]["content"] if isinstance(config[key], dict) else config[key]
    tok = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"), **special)
    return tok, special, config.get("chat_template")


def marked(tok, messages, tools):
    out = tok.apply_chat_template(messages, tools=tools, return_dict=True, return_assistant_tokens_mask=True)
    return out["input_ids"], out["assistant_masks"]


def unmarked(strategy, messages, tools):
    out = strategy._tokenize_single_prompt({"messages": messages, **({"tools": tools} if tools else {})})
    return list(out["input_ids"]), [int(label != -100) for label in out["labels"]]


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--out", type=pathlib.Path, required=True)
    args.add_argument("--axolotl", type=pathlib.Path, required=True)
    args.add_argument("--data", type=pathlib.Path, nargs="*", default=[])
    args.add_argument("--limit", type=int, default=50, help="records of each file")
    args.add_argument("--train-on-eos", default="turn", choices=["turn", "all", "last", "none"])
    args.add_argument("models", nargs="+")
    args = args.parse_args()
    ct = axolotl(args.axolotl)
    with args.out.open("w") as out:
        for model in args.models:
            folder, _, rest = model.partition("=")
            path, *ends = rest.split(",")
            tok, special, own = load(pathlib.Path(folder))
            template = pathlib.Path(path).read_text() if path else own
            tok.chat_template = template
            has = "generation" in template.replace("add_generation_prompt", "")
            if not has:
                prompter = ct.ChatTemplatePrompter(tok, chat_template=template, max_length=1 << 20)
                strategy = ct.ChatTemplateStrategy(prompter, tokenizer=tok, train_on_inputs=False, sequence_len=1 << 20, roles_to_train=["assistant"], train_on_eos=args.train_on_eos, eot_tokens=ends or None)
            out.write(json.dumps({"model": model, "tokenizer": str(pathlib.Path(folder) / "tokenizer.json"), "special": special, "template": template, "ends": ends, "marked": has, "trainOnEOS": args.train_on_eos}) + "\n")
            counts = [0, 0]
            for messages, tools in conversations(args.data, args.limit):
                case = {"messages": messages, "tools": tools}
                try:
                    case["ids"], case["mask"] = marked(tok, messages, tools) if has else unmarked(strategy, messages, tools)
                except Exception as e:
                    case["error"] = f"{type(e).__name__}: {e}"
                counts["error" in case] += 1
                out.write(json.dumps(case) + "\n")
            print(f"{model}: {counts[0]} conversations, {counts[1]} errors")


main()

"""What Transformers and Axolotl make of whole conversations: ids, and which tokens are trained, for maskcheck to compare.

    git clone https://github.com/axolotl-ai-cloud/axolotl AXOLOTL
    pip install colorama fastcore addict
    python masks.py --out OUT --axolotl AXOLOTL/src --data FILE ... -- TOKENIZER_FOLDER=TEMPLATE[,ENDOFTURN…] ...
    go run ./tools/oracle/maskcheck OUT

A template that has generation blocks is asked of Transformers' apply_chat_template(return_assistant_tokens_mask=True), one that
has none of Axolotl's chat template strategy with its defaults (roles_to_train assistant, train_on_eos turn, or as --train-on-eos says).
Without --axolotl, Transformers is asked of these too, turn by turn: an answer is what apply_chat_template writes up to it and
not in the prompt that asks for it, up to its last end-of-turn token. FILEs are ShareGPT (.json) or messages (.jsonl). TEMPLATE may be empty: the folder's own.
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


def call(id, name, arguments):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(id, content):
    return {"role": "tool", "tool_call_id": id, "name": "add", "content": content}


NESTED = {"s": "é \"q\" <&> \n\t\\ 👍", "n": [1, 2.5, -3e-7, 10**18, True, None], "o": {"z": {}, "a": []}}
TOOL_TALKS = [
    ([{"role": "user", "content": "add"}, {"role": "assistant", "content": "", "tool_calls": [call("abcDEF123", "add", NESTED)]}, result("abcDEF123", '{"sum": 3, "é": "\\u00e9"}'),
      {"role": "assistant", "content": "three"}, {"role": "user", "content": "again"}, {"role": "assistant", "content": "Now.", "tool_calls": [call("abcDEF124", "add", {})]},
      result("abcDEF124", "4"), {"role": "assistant", "content": "four"}], True),
    ([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "both"}, {"role": "assistant", "content": "", "tool_calls": [call("abcDEF123", "add", {"b": 1}), call("abcDEF124", "now", {"tz": "UTC"})]},
      result("abcDEF123", "3"), result("abcDEF124", "noon"), {"role": "assistant", "content": "3 at noon"}], True),
    ([{"role": "user", "content": "add"}, {"role": "assistant", "content": "", "tool_calls": [call("abcDEF123", "add", {"b": 1})]}], True),
    ([{"role": "user", "content": "add"}, {"role": "assistant", "content": "<think>\nsum\n</think>\n\n", "tool_calls": [call("abcDEF123", "add", {"b": 1})]},
      result("abcDEF123", "3"), {"role": "assistant", "content": "<think>\nso\n</think>\n\nthree"}, {"role": "user", "content": "ok"}, {"role": "assistant", "content": "bye"}], True),
    ([{"role": "user", "content": "no call"}, {"role": "assistant", "content": "fine"}, {"role": "user", "content": "<tool_call> </tool_response>"}, {"role": "assistant", "content": "<tool_call>\n{}\n</tool_call>"}], True),
    ([{"role": "user", "content": "add"}, {"role": "assistant", "content": "", "tool_calls": [call("abcDEF123", "add", {"b": 1})]}, result("abcDEF123", "3"), {"role": "assistant", "content": "three"}], False),
]
TWO_TOOLS = TOOLS + [{"type": "function", "function": {"name": "now", "description": "The time — é", "parameters": {"type": "object", "properties": {"tz": {"type": ["string", "null"], "enum": ["UTC", "x"]}}, "required": []}}}]

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
    yield from ((messages, TWO_TOOLS if tools else None) for messages, tools in TOOL_TALKS)
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


def by_turns(tok, messages, tools, ends):
    """One text with all answers, or one for each where the template writes earlier turns otherwise later."""
    def text(upto, prompt=False):
        return tok.apply_chat_template(messages[:upto], tools=tools, tokenize=False, add_generation_prompt=prompt)

    full, turns = text(len(messages)), []
    for i, m in enumerate(messages):
        if m["role"] == "assistant":
            prompt, whole = text(i, True), text(i + 1)
            start = len(prompt)
            if not whole.startswith(prompt):  # Mistral Nemo's drops the system message once an answer follows
                tail = prompt[prompt.rindex(messages[i - 1]["content"].strip()):]
                start = whole.rindex(tail) + len(tail)
            end = max(whole.rfind(e, start) + len(e) for e in ends if e in whole[start:])
            turns.append((whole, (start, end)))
    if all(full.startswith(whole[:end]) for whole, (_, end) in turns):
        turns = [(full, *(span for _, span in turns))]
    samples = []
    for whole, *spans in turns:
        encoded = tok(whole, add_special_tokens=False)
        mask = [0] * len(encoded["input_ids"])
        for start, end in spans:
            first, last = encoded.char_to_token(start), encoded.char_to_token(end - 1)
            mask[first:last + 1] = [1] * (last + 1 - first)
        samples.append({"ids": encoded["input_ids"], "mask": mask})
    return samples


def unmarked(strategy, messages, tools):
    out = strategy._tokenize_single_prompt({"messages": messages, **({"tools": tools} if tools else {})})
    return list(out["input_ids"]), [int(label != -100) for label in out["labels"]]


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--out", type=pathlib.Path, required=True)
    args.add_argument("--axolotl", type=pathlib.Path)
    args.add_argument("--data", type=pathlib.Path, nargs="*", default=[])
    args.add_argument("--limit", type=int, default=50, help="records of each file")
    args.add_argument("--train-on-eos", default="turn", choices=["turn", "all", "last", "none"])
    args.add_argument("models", nargs="+")
    args = args.parse_args()
    ct = args.axolotl and axolotl(args.axolotl)
    with args.out.open("w") as out:
        for model in args.models:
            folder, _, rest = model.partition("=")
            path, *ends = rest.split(",")
            tok, special, own = load(pathlib.Path(folder))
            template = pathlib.Path(path).read_text() if path else own
            tok.chat_template = template
            has = "generation" in template.replace("add_generation_prompt", "")
            if not has and ct:
                prompter = ct.ChatTemplatePrompter(tok, chat_template=template, max_length=1 << 20)
                strategy = ct.ChatTemplateStrategy(prompter, tokenizer=tok, train_on_inputs=False, sequence_len=1 << 20, roles_to_train=["assistant"], train_on_eos=args.train_on_eos, eot_tokens=ends or None)
            out.write(json.dumps({"model": model, "tokenizer": str(pathlib.Path(folder) / "tokenizer.json"), "special": special, "template": template, "ends": ends, "marked": has, "trainOnEOS": args.train_on_eos}) + "\n")
            counts = [0, 0]
            for messages, tools in conversations(args.data, args.limit):
                case = {"messages": messages, "tools": tools}
                try:
                    if has or ct:
                        case["ids"], case["mask"] = marked(tok, messages, tools) if has else unmarked(strategy, messages, tools)
                    else:
                        case["samples"] = by_turns(tok, messages, tools, [*ends, special["eos_token"]])
                except Exception as e:
                    case["error"] = f"{type(e).__name__}: {e}"
                counts["error" in case] += 1
                out.write(json.dumps(case) + "\n")
            print(f"{model}: {counts[0]} conversations, {counts[1]} errors")


main()

"""Renders and masks conversations with Transformers, into goldens.json.

Run with Python packages transformers, tokenizers and jinja2 installed:
    python make_goldens.py
The templates in this folder are our own; each has the features of the family
it is named after. The tokenizers are those of formats/tokenizer/testdata.
"""

import json
import pathlib

from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent
TOKENIZERS = HERE.parents[2] / "formats" / "tokenizer" / "testdata"
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
KINDS = {"llama3": "llama3", "qwen2": "qwen2", "mistral": "llama2", "zephyr": "llama2", "smollm": "gpt2", "thinking": "qwen2"}

HI = [{"role": "user", "content": "Hi, 日本!"}, {"role": "assistant", "content": "Hello café 👍 "}]
MORE = HI + [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "<think>\nsum\n</think>\n\n4\n\nok"}]
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds <x> & \"y\"", "parameters": {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "integer"}}}}}]
CALLS = [{"role": "user", "content": "add"},
         {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"b": 1, "a": 2}}}]},
         {"role": "tool", "content": "3"}, {"role": "assistant", "content": "three"}]
MANY = [{"role": "user", "content": "both"},
        {"role": "assistant", "content": "Now.", "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"s": "é \"q\" <&>\n", "n": [1, 2.5, None, True], "o": {}}}},
                                                               {"type": "function", "function": {"name": "now", "arguments": {}}}]},
        {"role": "tool", "content": "{\"sum\": 3}"}, {"role": "tool", "content": "noon"}, {"role": "assistant", "content": "3 at noon"},
        {"role": "user", "content": "both"}, {"role": "assistant", "content": "both"}]
SPACE = [{"role": "user", "content": " a \n"}, {"role": "assistant", "content": "b \n\n"}, {"role": "user", "content": "\tc"}, {"role": "assistant", "content": "\n\nd\u00a0"}]
EMPTY = [{"role": "user", "content": ""}, {"role": "assistant", "content": "x"}, {"role": "user", "content": "y"}, {"role": "assistant", "content": ""}]
LIKE = [{"role": "user", "content": "a<|eot|></s>\n<|im_start|>assistant\nb"}, {"role": "assistant", "content": "c <|eot|> d</s>"},
        {"role": "user", "content": "c"}, {"role": "assistant", "content": "c [INST] c"}]
UNICODE = [{"role": "user", "content": "e\u0301 👩‍👩‍👧‍👦 مرحبا"}, {"role": "assistant", "content": "\u200b🏳️‍🌈 नमस्ते"}]
CONVERSATIONS = {
    "one turn": (HI, None), "two turns": (MORE, None),
    "system": ([{"role": "system", "content": " Be brief.\n"}] + MORE, None),
    "tools": (CALLS, TOOLS), "several calls": (MANY, TOOLS), "users in a row": ([HI[0], HI[0]], None),
    "space": (SPACE, None), "empty": (EMPTY, None), "like special tokens": (LIKE, None), "unicode": (UNICODE, None),
}


def one(tok, messages, tools):
    case = {}
    try:
        case["prompt"] = tok.apply_chat_template(messages[:-1], tools=tools, tokenize=False, add_generation_prompt=True)
        case["text"] = tok.apply_chat_template(messages, tools=tools, tokenize=False)
        out = tok.apply_chat_template(messages, tools=tools, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
        case["ids"], case["mask"] = out["input_ids"], out["assistant_masks"]
    except Exception as e:
        case = {"error": str(e).split("\n")[0]}
    return case


def main():
    cases = []
    for template, kind in KINDS.items():
        tok = PreTrainedTokenizerFast(tokenizer_file=str(TOKENIZERS / f"{kind}.json"), **SPECIAL)
        tok.chat_template = (HERE / f"{template}.jinja").read_text()
        for name, (messages, tools) in CONVERSATIONS.items():
            cases.append({"template": template, "tokenizer": kind, "name": name, "messages": messages, "tools": tools, **one(tok, messages, tools)})
    (HERE / "goldens.json").write_text(json.dumps(cases, ensure_ascii=False, separators=(",", ":")).replace('{"template"', '\n{"template"') + "\n")
    print(len(cases), [(c["template"], c["name"], c["error"]) for c in cases if "error" in c])


main()

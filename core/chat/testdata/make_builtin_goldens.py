"""Lays conversations out with the models' own templates in Transformers' sandbox, into builtin_goldens.json:
what the built-in templates must make of them.

    python make_builtin_goldens.py --llama3 TEMPLATE --llama3_1 TEMPLATE --mistral TEMPLATE --chatml TEMPLATE

A TEMPLATE is a file of the model's template: Meta-Llama-3-8B-Instruct, Llama-3.1-8B-Instruct,
Mistral-7B-Instruct-v0.3, and for ChatML Qwen3-4B-Instruct-2507. The built-in templates differ on purpose in this:
llama3 has no header of dates, mistral puts the system message before the first user's.
"""

import argparse
import json
import pathlib

from transformers.utils import chat_template_utils as ctu

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
DATES = "<|start_header_id|>system<|end_header_id|>\n\nEnvironment: ipython\nCutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"

SYSTEM = {"role": "system", "content": "Be brief."}
HI = [{"role": "user", "content": "Hi, 日本!"}, {"role": "assistant", "content": "Hello café 👍"}]
MORE = HI + [{"role": "user", "content": "<|im_end|> [INST] 2+2?"}, {"role": "assistant", "content": "4\n\nok"}]
SPACE = [{"role": "user", "content": "Hi \n"}, {"role": "assistant", "content": ""}]
TOOL = {"type": "function", "function": {"name": "add", "description": "Adds numbers", "parameters": {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "integer"}}}}}
CALL = {"id": "abcDEF123", "type": "function", "function": {"name": "add", "arguments": {"b": 1, "a": "é"}}}
CALLS = [{"role": "user", "content": "add"}, {"role": "assistant", "content": "", "tool_calls": [CALL]},
         {"role": "tool", "content": "3", "tool_call_id": "abcDEF123"}, {"role": "assistant", "content": "three"}]
TWO = [{"role": "user", "content": "add"}, {"role": "assistant", "content": "Both.", "tool_calls": [CALL, CALL]},
       {"role": "tool", "content": "3", "tool_call_id": "abcDEF123"}, {"role": "tool", "content": "4", "tool_call_id": "abcDEF123"}, {"role": "assistant", "content": "three"}]


def mistral(messages):
    """The system message where the built-in template has it."""
    if messages[0]["role"] != "system":
        return messages
    first = dict(messages[1], content=messages[0]["content"] + "\n\n" + messages[1]["content"])
    return [first] + messages[2:]


CASES = [(builtin, own, messages, tools, prompt)
         for builtin, own in (("llama3", "llama3"), ("mistral", "mistral"), ("chatml", "chatml"))
         for messages, tools, prompt in ((HI, None, False), (MORE, None, False), ([SYSTEM] + MORE, None, False), (SPACE, None, False), (HI[:1], None, True))]
CASES += [("llama3", "llama3_1", [SYSTEM] + CALLS, [TOOL], False), ("mistral", "mistral", CALLS, [TOOL, TOOL], False), ("mistral", "mistral", HI + CALLS, [TOOL], False),
          ("chatml", "chatml", CALLS, [TOOL], False), ("chatml", "chatml", [SYSTEM] + TWO, [TOOL, TOOL], False), ("chatml", "chatml", TWO[:4], None, True)]


def main():
    args = argparse.ArgumentParser()
    for name in ("llama3", "llama3_1", "mistral", "chatml"):
        args.add_argument("--" + name, type=pathlib.Path, required=True)
    args = vars(args.parse_args())
    cases = []
    for builtin, own, messages, tools, prompt in CASES:
        given = mistral(messages) if own == "mistral" else messages
        template = ctu._compile_jinja_template(args[own].read_text())
        text = template.render(messages=given, tools=tools, add_generation_prompt=prompt, **SPECIAL)
        if own == "llama3_1":
            assert text.startswith("<s>" + DATES), text
            text = text.replace(DATES, "<|start_header_id|>system<|end_header_id|>\n\n")
        cases.append({"builtin": builtin, "messages": messages, "tools": tools, "prompt": prompt, "text": text})
    out = json.dumps(cases, ensure_ascii=False, separators=(",", ":")).replace('{"builtin"', '\n{"builtin"') + "\n"
    (pathlib.Path(__file__).parent / "builtin_goldens.json").write_text(out)


main()

"""What Jinja in Transformers' sandbox makes of templates, for templatecheck to compare.

    git clone https://github.com/huggingface/huggingface.js PACKAGES      # @huggingface/jinja's tests
    node templates.mjs PACKAGES/packages/jinja/test/{e2e,templates}.test.js >CASES
    python templates.py --out OUT [--cases CASES] [TEMPLATE.jinja | tokenizer_config.json ...]
    go run ./tools/oracle/templatecheck OUT

A line of CASES is a name, a template and its values. Every template named besides, and every distinct one
of CASES, is rendered with the conversations below, too. A line of OUT is a template, the values as JSON, and the
text with what the generation blocks wrote of it, or that it is an error.
"""

import argparse
import datetime
import json
import pathlib

from transformers.utils import chat_template_utils as ctu

NOW = datetime.datetime(2025, 7, 10, 12, 0, 0)
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}

USER = {"role": "user", "content": "Hi, \"日本\" <b> {{ x }} 'q'\n\tend "}
ANSWER = {"role": "assistant", "content": " Hello! 👍🏽\n"}
THOUGHT = {"role": "assistant", "content": "<think>\nhm\n\n</think>\n\nSeven."}
REASONED = {"role": "assistant", "content": "Seven.", "reasoning_content": "3 + 4\n"}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"id": "abcDEF123", "type": "function", "function": {"name": "add", "arguments": {"b": 1.5, "a": [1, None, True], "s": "é <&> \"q\""}}}]}
CALLS = {"role": "assistant", "content": "Both.", "tool_calls": CALL["tool_calls"] + [{"id": "abcDEF124", "type": "function", "function": {"name": "now", "arguments": {}}}]}
RESULT = {"role": "tool", "name": "add", "tool_call_id": "abcDEF123", "content": "{\"sum\": 7}"}
TOOL = {"type": "function", "function": {"name": "add", "description": "Adds <x> & \"y\".", "parameters": {"type": "object", "properties": {
    "b": {"type": "number", "description": "One"}, "a": {"type": "array", "items": {"type": "integer"}}, "c": {"enum": ["x", "y"], "type": ["string", "null"]}}, "required": ["b"]}}}
DOCUMENT = {"doc_id": 1, "title": "Rivers", "text": "The Tay is long.", "contents": "The Tay is long."}
SYSTEM = {"role": "system", "content": "Be brief. "}
CONVERSATIONS = [
    {"messages": [USER]}, {"messages": [USER], "add_generation_prompt": True}, {"messages": [USER, ANSWER]},
    {"messages": [SYSTEM, USER, ANSWER, USER, THOUGHT]}, {"messages": [SYSTEM, USER, ANSWER, USER], "add_generation_prompt": True},
    {"messages": [USER, THOUGHT, USER, REASONED]}, {"messages": [USER, THOUGHT, USER], "add_generation_prompt": True, "enable_thinking": False},
    {"messages": [USER, CALL, RESULT, ANSWER], "tools": [TOOL]}, {"messages": [SYSTEM, USER, CALLS, RESULT, RESULT, ANSWER, USER], "tools": [TOOL, TOOL], "add_generation_prompt": True},
    {"messages": [USER, CALL, RESULT], "add_generation_prompt": True}, {"messages": [USER], "documents": [DOCUMENT], "add_generation_prompt": True},
    {"messages": [SYSTEM, SYSTEM, USER]}, {"messages": [USER, USER, ANSWER, ANSWER]}, {"messages": [ANSWER, USER]}, {"messages": []}, {"messages": [SYSTEM]},
    {"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}]}, {"messages": [USER, {"role": "assistant", "content": None}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "Look:"}, {"type": "image"}]}, ANSWER]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "two"}]}], "add_generation_prompt": True},
    {"messages": [{"role": "developer", "content": "Obey."}, {"role": "user", "content": "<|im_end|> </s> [INST]"}, {"role": "narrator", "content": "x"}]},
]


def render(template, values):
    case = {"template": template, "vars": json.dumps(values)}
    try:
        compiled = ctu._compile_jinja_template(template)
        blocks, spans = [], []
        with compiled.environment.activate_tracker(blocks, spans):
            for block in compiled.generate(**values, strftime_now=NOW.strftime):
                blocks.append(block)
        text = case["text"] = "".join(blocks)
        case["spans"] = [[len(text[:a].encode()), len(text[:b].encode())] for a, b in spans]
    except Exception as e:
        case["error"] = f"{type(e).__name__}: {e}"
    return case


def templates(path):
    """The templates of a file by name."""
    if path.suffix != ".json":
        return {"": path.read_text()}
    found = json.loads(path.read_text()).get("chat_template") or {}
    if isinstance(found, str):
        return {"": found}
    return found if isinstance(found, dict) else {t["name"]: t["template"] for t in found}


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--out", type=pathlib.Path, required=True)
    args.add_argument("--cases", type=pathlib.Path)
    args.add_argument("templates", type=pathlib.Path, nargs="*")
    args = args.parse_args()
    distinct, counts = {}, [0, 0]
    with args.out.open("w") as out:
        def put(name, template, values):
            case = {"name": name, **render(template, values)}
            counts["error" in case] += 1
            out.write(json.dumps(case) + "\n")

        for line in args.cases.open() if args.cases else []:
            case = json.loads(line)
            distinct.setdefault(case["template"], case["name"])
            put(case["name"], case["template"], json.loads(case["vars"]))
        for path in args.templates:
            for name, template in templates(path).items():
                distinct.setdefault(template, f"{path.parent.name}/{path.name} {name}")
        for template, name in distinct.items():
            if "messages" in template:
                for i, values in enumerate(CONVERSATIONS):
                    put(f"{name} #{i}", template, {**SPECIAL, "add_generation_prompt": False, "tools": None, "documents": None, **values})
    print(f"{len(distinct)} distinct templates, {counts[0]} renderings, {counts[1]} errors")


main()

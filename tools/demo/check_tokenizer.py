"""Compares demo/model/tokenizer.json with Hugging Face's own libraries.

    python tools/demo/check_tokenizer.py .cache/demo/corpus.jsonl

Needs tokenizers and transformers from PyPI. Trains the same BPE with Hugging
Face's trainer and compares vocabulary and merges, encodes and decodes the
corpus, and renders a chat with Transformers. It writes what Hugging Face's
tokenizer makes of the first documents, and of text unlike them, to
tools/demo/tokenizer/testdata/encoded.json.
"""
import json
import sys

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

DOCUMENTS = 10_000
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]

ours = tokenizers.Tokenizer.from_file("demo/model/tokenizer.json")
texts = [json.loads(line)["text"] for line in open(sys.argv[1])]

theirs = tokenizers.Tokenizer(models.BPE())
theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
theirs.decoder = decoders.ByteLevel()
theirs.add_special_tokens(SPECIALS)
trainer = trainers.BpeTrainer(
    vocab_size=ours.get_vocab_size(),
    special_tokens=SPECIALS,
    initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    show_progress=False,
)
# The trainer sees text as it is: cut the special tokens out, as ours does.
def plain(text):
    for special in SPECIALS[1:]:
        text = text.replace(special, SPECIALS[0])
    return text.split(SPECIALS[0])

theirs.train_from_iterator((p for t in texts[:DOCUMENTS] for p in plain(t)), trainer)
assert ours.get_vocab() == theirs.get_vocab(), "the vocabularies differ"
assert (
    json.loads(ours.to_str())["model"]["merges"] == json.loads(theirs.to_str())["model"]["merges"]
), "the merges differ"

total = 0
for text in texts:
    ids = ours.encode(text).ids
    assert ours.decode(ids, skip_special_tokens=False) == text
    total += len(ids)

chat = AutoTokenizer.from_pretrained("demo/model")
messages = [
    {"role": "system", "content": "Answer the questions."},
    {"role": "user", "content": "What colour is grass?"},
    {"role": "assistant", "content": "Grass is green."},
]
text = chat.apply_chat_template(messages, tokenize=False)
assert text == "".join(
    f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages
), text
rendered = chat.apply_chat_template(
    messages, return_dict=True, return_assistant_tokens_mask=True, add_special_tokens=False
)
ids = rendered["input_ids"]
assert ids == ours.encode(text).ids
trained = [i for i, m in zip(ids, rendered["assistant_masks"]) if m]
assert ours.decode(trained, skip_special_tokens=False) == "Grass is green.<|im_end|>", trained
prompt = chat.apply_chat_template(messages[:2], tokenize=False, add_generation_prompt=True)
assert text.startswith(prompt)

FOREIGN = [
    "",
    "Straße, naïve café: 3,14 %\t– «ok»\r\n\r\n  two  spaces ",
    "日本語 🙂 it's we'll I'D <|im_start|><|im_end|> <|endoftext",
    '{"answer": "green", "topic": null}',
]
with open("tools/demo/tokenizer/testdata/encoded.json", "w") as f:
    cases = [{"text": t, "ids": ours.encode(t).ids} for t in texts[:12] + FOREIGN]
    f.write("[\n" + ",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]\n")

print(f"the same vocabulary and merges; {len(texts)} documents, {total} tokens, decode to themselves; the template agrees")

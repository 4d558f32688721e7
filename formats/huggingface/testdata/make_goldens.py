"""Makes the model folder testdata/tiny with Transformers: a random Llama of a
few thousand parameters in bfloat16, in two shards.

Needs PyPI's torch and transformers. Run it in this folder:

    python make_goldens.py             writes tiny/ and tiny.json
    python make_goldens.py check DIR   loads a folder written by loraedge and prints it
"""

import json
import os
import shutil
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from transformers import AutoModelForCausalLM, GenerationConfig, LlamaConfig, LlamaForCausalLM

if sys.argv[1:2] == ["check"]:
    model = AutoModelForCausalLM.from_pretrained(sys.argv[2], dtype="auto")
    for name, t in sorted(model.state_dict().items()):
        print(name, t.dtype, list(t.shape), t.double().sum().item())
    sys.exit()

torch.manual_seed(1)
model = LlamaForCausalLM(
    LlamaConfig(
        vocab_size=16, hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=1
    )
).to(torch.bfloat16)
model.generation_config = GenerationConfig(eos_token_id=[2, 5])
shutil.rmtree("tiny", ignore_errors=True)
model.save_pretrained("tiny", max_shard_size="1KB")
json.dump(
    {name: {"shape": list(t.shape), "sum": t.double().sum().item()} for name, t in sorted(model.state_dict().items())},
    open("tiny.json", "w"),
    indent=1,
)

"""Makes the adapters of this folder with PEFT on a tiny random Llama.

Needs PyPI's torch, transformers and peft. Run it in this folder:

    python make_goldens.py             writes plain/, patterns/ and goldens.json
    python make_goldens.py check DIR   loads an adapter that loraedge wrote for the
                                       tiny model and prints what PEFT takes from it
"""

import json
import os
import shutil
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore")
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM


def base():
    torch.manual_seed(1)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=16, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1
        )
    )


def describe(model):
    """What PEFT knows of each adapted module, and what the model answers."""
    model.eval()
    with torch.no_grad():
        logits = model(input_ids=torch.arange(6)[None]).logits
    return {
        "modules": {
            name.removeprefix("base_model.model."): {
                "r": m.r["default"],
                "scale": m.scaling["default"],
                "A": m.lora_A["default"].weight.flatten().tolist(),
                "B": m.lora_B["default"].weight.flatten().tolist(),
            }
            for name, m in model.named_modules()
            if hasattr(m, "lora_A")
        },
        "logits": logits.double().abs().sum().item(),
    }


def make(folder, **config):
    model = get_peft_model(base(), LoraConfig(task_type="CAUSAL_LM", **config))
    for name, p in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(p, std=0.1)
    model.peft_config["default"].base_model_name_or_path = "tiny-llama"
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder)
    os.remove(folder + "/README.md")
    return describe(model)


if sys.argv[1:2] == ["check"]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base(), sys.argv[2])
    print(json.dumps({"warnings": [str(w.message) for w in caught], **describe(model)}))
    sys.exit()

goldens = {
    "plain": make("plain", r=2, lora_alpha=4, lora_dropout=0.1, target_modules=["v_proj", "q_proj"]),
    "patterns": make(
        "patterns",
        r=2,
        lora_alpha=4,
        use_rslora=True,
        target_modules=r".*\.(?!k_proj)(q_proj|down_proj|k_proj)",
        rank_pattern={"layers.1.self_attn.q_proj": 3, "down_proj": 1},
        alpha_pattern={"down_.*": 6, "layers.0.mlp.down_proj": 7},
        modules_to_save=["lm_head"],
    ),
}
json.dump(goldens, open("goldens.json", "w"), indent=None)

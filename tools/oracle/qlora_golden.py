"""Make testdata/goldens/qlora: a tiny Llama, the same as bitsandbytes quantised it, and QLoRA of it.

    python qlora_golden.py OUT

OUT/qlora/base is the model in bfloat16, OUT/qlora/bnb what Transformers saves of it with
load_in_4bit (NF4, double quantisation), OUT/qlora/adapter a PEFT adapter with random A and B.
golden.safetensors holds, of PEFT over bitsandbytes' Linear4bit with float32 compute on one thread: ids,
targets, weights, positions, first, last (goldens.py says what they are), loss, logits,
grad.<module>.lora_A.weight and lora_B.weight, and bf16.loss, bf16.grad.…: the same with bfloat16
compute under autocast. Needs bitsandbytes.
"""

import pathlib
import shutil
import sys

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

import goldens

CONFIG = LlamaConfig(
    **goldens.COMMON, hidden_size=64, intermediate_size=128, vocab_size=97, num_hidden_layers=2,
    rms_norm_eps=1e-5, tie_word_embeddings=False,
)


def quantized(folder, compute):
    config = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=compute
    )
    model = AutoModelForCausalLM.from_pretrained(
        folder, quantization_config=config, dtype=torch.float32, attn_implementation="eager", device_map="cpu"
    )
    # In evaluation bitsandbytes' Linear4bit would compute in bfloat16 whatever it was told.
    return model.train()


def step(folder, adapter, stream, compute):
    model = PeftModel.from_pretrained(quantized(folder, compute), adapter, is_trainable=True).train()
    params = [(goldens.short(n), p) for n, p in goldens.trained(model)]
    return goldens.gradients(model, params, goldens.separate_logits, stream)


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    out = pathlib.Path(sys.argv[1]) / "qlora"
    shutil.rmtree(out, ignore_errors=True)
    model = goldens.random_model(dict(model=LlamaForCausalLM, config=CONFIG, seed=9))
    model.bfloat16().save_pretrained(out / "base")
    goldens.add_adapter(model.float(), 9).save_pretrained(out / "adapter")
    (out / "adapter" / "README.md").unlink(missing_ok=True)
    quantized(out / "base", torch.float32).save_pretrained(out / "bnb")
    stream = goldens.stream(torch.Generator().manual_seed(109), CONFIG.vocab_size, [goldens.LENGTH])
    logits, loss, grads = step(out / "base", out / "adapter", stream, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        _, bf16_loss, bf16_grads = step(out / "base", out / "adapter", stream, torch.bfloat16)
    tensors = {k: v if v.is_floating_point() else v.int() for k, v in stream.items()}
    tensors |= {"logits": logits, "loss": loss.reshape(1), "bf16.loss": bf16_loss.float().reshape(1)}
    tensors |= {f"grad.{n}": g for n, g in grads.items()} | {f"bf16.grad.{n}": g.float() for n, g in bf16_grads.items()}
    save_file({k: v.contiguous() for k, v in tensors.items()}, out / "golden.safetensors")
    for file in out.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)


main()

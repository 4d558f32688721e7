#!/usr/bin/env python3
"""Make testdata/goldens/llama/variants: what PEFT says of variants of LoRA on the model of testdata/goldens/llama.

    python variants.py testdata/goldens/llama

Tokens, weights, settings of the training and the bounds on rounding are those of goldens.py.
"""

import contextlib
import copy
import io
import pathlib
import sys

import torch
from peft import LoraConfig, get_peft_model
from peft.optimizers import create_loraplus_optimizer
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM, get_cosine_schedule_with_warmup

import goldens as g

# What a variant keeps of its numbers: gradients and final weights of one variant show the rest.
VARIANTS = {
    "dora": dict(config=dict(use_dora=True), whole=True),
    "dora-rslora-loraplus": dict(config=dict(use_dora=True, use_rslora=True), ratio=2.0),
    "rslora": dict(config=dict(use_rslora=True)),
    "loraplus": dict(config={}, ratio=4.0),
    "pissa": dict(config=dict(init_lora_weights="pissa"), own=True),
}


def short(name):
    return name.removeprefix("base_model.model.").replace(".default.weight", ".weight").replace(
        "lora_magnitude_vector.weight", "lora_magnitude_vector"
    )


def add_adapter(model, settings):
    """A and B random, magnitudes near the norms that they begin at."""
    config = LoraConfig(
        r=g.RANK, lora_alpha=g.ALPHA, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM", **settings
    )
    peft_model = get_peft_model(model, config)
    if settings.get("init_lora_weights"):
        return peft_model.eval()
    generator = torch.Generator().manual_seed(101)
    with torch.no_grad():
        for name, p in g.trained(peft_model):
            if "magnitude" in name:
                p.mul_(1 + 0.2 * torch.randn(p.shape, generator=generator))
            else:
                scale = 1 / p.shape[1] ** 0.5 if "lora_A" in name else 0.1
                p.copy_(scale * torch.randn(p.shape, generator=generator))
    return peft_model.eval()


def optimizer_of(peft_model, ratio):
    settings = dict(betas=(0.9, 0.999), eps=1e-8, foreach=False)
    if ratio is None:
        return torch.optim.AdamW([p for _, p in g.trained(peft_model)], lr=g.RATE, weight_decay=0.01, **settings)
    return create_loraplus_optimizer(
        peft_model, torch.optim.AdamW, lr=g.RATE, loraplus_lr_ratio=ratio, loraplus_weight_decay=0.01, **settings
    )


def train(peft_model, steps, ratio):
    params = [p for _, p in g.trained(peft_model)]
    optimizer = optimizer_of(peft_model, ratio)
    schedule = get_cosine_schedule_with_warmup(optimizer, g.WARMUP, g.STEPS)
    losses, norms = [], []
    for s in steps:
        optimizer.zero_grad(set_to_none=True)
        loss = g.loss_of(g.separate_logits(peft_model, s), s)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(params, g.MAX_NORM, foreach=False))
        losses.append(loss.detach())
        optimizer.step()
        schedule.step()
    return {"train.losses": torch.stack(losses), "train.grad_norms": torch.stack(norms)}


def numbers(peft_model, one, steps, spec):
    params = [(short(n), p) for n, p in g.trained(peft_model)]
    logits, loss, grads = g.gradients(peft_model, params, g.separate_logits, one)
    out = {"loss": loss}
    if spec.get("whole"):
        out |= {"logits": logits} | {f"grad.{n}": x for n, x in grads.items()}
    out |= train(peft_model, steps, spec.get("ratio"))
    if spec.get("whole"):
        out |= {f"train.final.{n}": p.detach().clone() for n, p in params}
    return out


def streams(folder):
    golden = load_file(folder / "golden.safetensors")
    one = {k: golden[k] for k in ("ids", "targets", "weights", "last")}
    steps = []
    for i in range(g.STEPS):
        s = {k: golden[f"train.{k}"][i] for k in ("ids", "targets", "weights")}
        steps.append(s | {"last": torch.full_like(s["ids"], len(s["ids"]) - 1)})
    return [{k: x.long() if k != "weights" else x for k, x in s.items()} for s in [one, *steps]]


def make(name, spec, folder):
    out = folder / "variants" / name
    out.mkdir(parents=True, exist_ok=True)
    one, *steps = streams(folder)
    base = LlamaForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    peft_model = add_adapter(base, spec["config"])
    if not spec.get("own"):  # begins as the weights say
        g.write_adapter(peft_model, out / "adapter", "llama")
    double = copy.deepcopy(peft_model).double()
    result = numbers(peft_model, one, steps, spec)
    exact = numbers(double, g.in_double(one), [g.in_double(s) for s in steps], spec)
    worst = max((g.agree(f"{name}: {k} in float64", t, exact[k]), k) for k, t in result.items())
    save_file({k: g.stored(k, t) for k, t in sorted(result.items())}, out / "golden.safetensors")
    (out / "golden.safetensors").chmod(0o644)
    losses = result["train.losses"]
    print(f"{name}: loss {float(result['loss']):.3f}, train {float(losses[0]):.3f} to {float(losses[-1]):.3f}, float32 from float64 at most {worst[0]:.1e} ({worst[1]})")


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name, spec in VARIANTS.items():
        with contextlib.redirect_stderr(io.StringIO()):
            make(name, spec, pathlib.Path(sys.argv[1]))


if __name__ == "__main__":
    main()

"""Make testdata/goldens: tiny random models with what Transformers and PEFT say of them.

    python goldens.py OUT [NAME…]

Everything is float32 on one thread with eager attention, from fixed seeds, so
a second run writes the same bytes. Each quantity is computed once more in
float64 and must agree: that bounds the goldens' own rounding, and a test that
allows 1e-4 is then testing the program and not the weather. OUT/README.md
names every tensor.
"""

import argparse
import contextlib
import copy
import io
import json
import pathlib
import shutil

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    get_cosine_schedule_with_warmup,
)

LENGTH = 40
PACKED = (17, 9, 14)
STEPS, STEP_LENGTH, WARMUP = 20, 32, 3
BATCHES = 4  # repeated, so that there is something to learn
RATE, MAX_NORM = 1e-2, 1.0
RANK, ALPHA = 4, 8
# The last norm scales logits and so every gradient: with this, some of the
# steps are clipped and some are not.
LAST_NORM = 0.2

COMMON = dict(
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=128,
    bos_token_id=1,
    eos_token_id=2,
    pad_token_id=2,
)

# old_config: write config.json as Transformers 4 did (rope_theta and
# rope_scaling on top), which is what most published folders have.
# without: settings that take away what the model is here to test.
MODELS = {
    "llama": dict(
        seed=1,
        model=LlamaForCausalLM,
        config=LlamaConfig(
            **COMMON, hidden_size=32, intermediate_size=44, vocab_size=97, num_hidden_layers=2,
            rms_norm_eps=1e-5, tie_word_embeddings=False,
        ),
        full=True,
    ),
    "llama3-rope": dict(
        seed=2,
        model=LlamaForCausalLM,
        config=LlamaConfig(
            **COMMON, hidden_size=48, intermediate_size=36, vocab_size=101, num_hidden_layers=2,
            rms_norm_eps=1e-5, tie_word_embeddings=False,
            rope_parameters=dict(
                rope_type="llama3", rope_theta=10000.0, factor=8.0, low_freq_factor=1.0,
                high_freq_factor=4.0, original_max_position_embeddings=32,
            ),
        ),
        old_config=True,
        without={"rope_parameters": dict(rope_type="default", rope_theta=10000.0)},
    ),
    "mistral": dict(
        seed=3,
        model=MistralForCausalLM,
        config=MistralConfig(
            **COMMON, hidden_size=24, head_dim=8, intermediate_size=52, vocab_size=103,
            num_hidden_layers=3, rms_norm_eps=1e-6, sliding_window=12, tie_word_embeddings=False,
        ),
        without={"sliding_window": None},
    ),
    "qwen2": dict(
        seed=4,
        model=Qwen2ForCausalLM,
        config=Qwen2Config(
            **COMMON, hidden_size=40, intermediate_size=44, vocab_size=131, num_hidden_layers=2,
            rms_norm_eps=1e-6, tie_word_embeddings=True,
            rope_parameters=dict(rope_type="default", rope_theta=1000000.0),
        ),
        full=True,
        old_config=True,
    ),
}


def random_model(spec):
    """A model whose attention, norms and biases all matter."""
    config = copy.deepcopy(spec["config"])
    config._attn_implementation = "eager"
    model = spec["model"](config).float().eval()
    generator = torch.Generator().manual_seed(spec["seed"])
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            if name == "model.norm.weight":
                p.copy_(LAST_NORM * (1 + 0.3 * noise))
            elif name.endswith("norm.weight"):
                p.copy_(1 + 0.3 * noise)
            elif name.endswith("bias"):
                p.copy_(0.3 * noise)
            elif "embed_tokens" in name or "lm_head" in name:
                p.copy_(0.3 * noise)
            else:
                p.copy_(noise * (1.3 / p.shape[1] ** 0.5))
    return model


def add_adapter(model, seed):
    """PEFT's LoRA on every linear of the blocks, A and B random and not zero."""
    peft_model = get_peft_model(
        model,
        LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    generator = torch.Generator().manual_seed(seed + 100)
    with torch.no_grad():
        for name, p in trained(peft_model):
            scale = 1 / p.shape[1] ** 0.5 if "lora_A" in name else 0.1
            p.copy_(scale * torch.randn(p.shape, generator=generator))
    return peft_model.eval()


def trained(peft_model):
    return [(n, p) for n, p in peft_model.named_parameters() if p.requires_grad]


def short(name):
    """PEFT's parameter name as '<module path>.lora_A.weight'."""
    return name.removeprefix("base_model.model.").replace(".default.weight", ".weight")


def stream(generator, vocab, lengths):
    """Random documents in one row, as the program's batches have them.

    targets are already shifted and -1 where a document ends; a weight belongs
    to the target at its own position and is 0 for about a third.
    """
    total = sum(lengths)
    out = {
        "ids": torch.randint(0, vocab, (total,), generator=generator),
        "targets": torch.full((total,), -1),
        "weights": torch.zeros(total),
        "positions": torch.cat([torch.arange(n) for n in lengths]),
        "first": torch.zeros(total, dtype=torch.long),
        "last": torch.zeros(total, dtype=torch.long),
    }
    keep = (torch.rand(total, generator=generator) < 0.67).float()
    start = 0
    for n in lengths:
        end = start + n
        out["targets"][start : end - 1] = out["ids"][start + 1 : end]
        out["weights"][start : end - 1] = keep[start : end - 1]
        out["first"][start:end] = start
        out["last"][start:end] = end - 1
        start = end
    return out


def loss_of(logits, s):
    """Sum of weight * cross entropy over sum of weights; logits [T, vocab]."""
    ce = torch.nn.functional.cross_entropy(logits, s["targets"], ignore_index=-1, reduction="none")
    return (ce * s["weights"]).sum() / s["weights"].sum()


def separate_logits(model, s):
    """Each document in a row of its own: what packing must not change. [T, vocab]"""
    rows, start = [], 0
    while start < len(s["ids"]):
        end = int(s["last"][start]) + 1
        rows.append(model(input_ids=s["ids"][None, start:end], use_cache=False).logits[0])
        start = end
    return torch.cat(rows)


def packed_logits(model, s):
    """Transformers' own packing, which it finds in the positions. [T, vocab]"""
    return model(input_ids=s["ids"][None], position_ids=s["positions"][None], use_cache=False).logits[0]


def gradients(model, params, logits_of, s):
    model.zero_grad(set_to_none=True)
    logits = logits_of(model, s)
    loss = loss_of(logits, s)
    loss.backward()
    return logits.detach(), loss.detach(), {n: p.grad.detach().clone() for n, p in params}


def numbers(peft_model, streams, full):
    """Every golden that needs no optimizer, in the model's own dtype."""
    out = {}
    params = [(short(n), p) for n, p in trained(peft_model)]
    one, packed = streams["one"], streams["packed"]
    out["logits"], out["loss"], grads = gradients(peft_model, params, separate_logits, one)
    out |= {f"grad.{n}": g for n, g in grads.items()}
    out["packed.logits"], out["packed.loss"], grads = gradients(peft_model, params, separate_logits, packed)
    out |= {f"packed.grad.{n}": g for n, g in grads.items()}

    logits, loss, other = gradients(peft_model, params, packed_logits, packed)
    agree("Transformers' packing, logits", logits, out["packed.logits"])
    agree("Transformers' packing, loss", loss, out["packed.loss"])
    for n, g in grads.items():
        agree(f"Transformers' packing, {n}", other[n], g)

    with peft_model.disable_adapter(), torch.no_grad():
        out["logits_base"] = separate_logits(peft_model, one)
        out["loss_base"] = loss_of(out["logits_base"], one)
    if full is not None:
        _, out["full.loss"], grads = gradients(full, list(full.named_parameters()), separate_logits, one)
        out |= {f"full.grad.{n}": g for n, g in grads.items()}
    return out


def train(peft_model, steps):
    """STEPS steps of AdamW as a training loop around PEFT would take them."""
    params = [(short(n), p) for n, p in trained(peft_model)]
    optimizer = torch.optim.AdamW(
        [p for _, p in params], lr=RATE, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01, foreach=False
    )
    schedule = get_cosine_schedule_with_warmup(optimizer, WARMUP, STEPS)
    losses, rates, norms = [], [], []
    for s in steps:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(separate_logits(peft_model, s), s)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_([p for _, p in params], MAX_NORM, foreach=False))
        rates.append(schedule.get_last_lr()[0])
        losses.append(loss.detach())
        optimizer.step()
        schedule.step()
    out = {
        "train.losses": torch.stack(losses),
        "train.grad_norms": torch.stack(norms),
        "train.lrs": torch.tensor(rates, dtype=torch.float64),
    }
    return out | {f"train.final.{n}": p.detach().clone() for n, p in params}


def distance(a, b):
    a, b = a.double(), b.double()
    return float((a - b).norm() / b.norm().clamp_min(1e-30))


def agree(what, a, b, tolerance=1e-5):
    d = distance(a, b)
    if not d <= tolerance:
        raise SystemExit(f"{what}: {d:.2e} apart, more than {tolerance:.0e}")
    return d


def in_double(s):
    return s | {"weights": s["weights"].double()}


def write_model(model, spec, folder):
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    (folder / "generation_config.json").unlink(missing_ok=True)
    path = folder / "config.json"
    config = json.loads(path.read_text())
    if spec.get("old_config"):
        rope = config.pop("rope_parameters")
        config["rope_theta"] = rope.pop("rope_theta")
        config["rope_scaling"] = rope if rope["rope_type"] != "default" else None
        config["torch_dtype"] = config.pop("dtype")
        config.pop("layer_types", None)
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def write_adapter(peft_model, folder, name):
    peft_model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    (folder / "adapter_model.safetensors").chmod(0o644)
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["base_model_name_or_path"] = name
    config["target_modules"] = sorted(config["target_modules"])
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def stored(name, t):
    if t.dtype == torch.long:
        t = t.int()
    return t.contiguous().reshape(-1) if t.dim() == 0 else t.contiguous()


def make(name, spec, out):
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    vocab = spec["config"].vocab_size
    generator = torch.Generator().manual_seed(spec["seed"] + 200)
    streams = {
        "one": stream(generator, vocab, [LENGTH]),
        "packed": stream(generator, vocab, PACKED),
    }
    batches = [stream(generator, vocab, [STEP_LENGTH]) for _ in range(BATCHES)]
    steps = [batches[i % BATCHES] for i in range(STEPS)]

    base = random_model(spec)
    write_model(base, spec, folder)
    full = copy.deepcopy(base) if spec.get("full") else None
    peft_model = add_adapter(base, spec["seed"])
    write_adapter(peft_model, folder / "adapter", name)

    double = copy.deepcopy(peft_model).double()
    result = numbers(peft_model, streams, full)
    exact = numbers(
        double, {k: in_double(s) for k, s in streams.items()}, copy.deepcopy(full).double() if full else None
    )
    result |= train(peft_model, steps)
    exact |= train(double, [in_double(s) for s in steps])
    worst = max(
        (agree(f"{name}: {k} in float64", t, exact[k]), k)
        for k, t in result.items()
    )
    clipped = int((result["train.grad_norms"] > MAX_NORM).sum())
    if clipped in (0, STEPS):
        raise SystemExit(f"{name}: {clipped} of {STEPS} steps are clipped; some should be and some not")

    for key, s in streams.items():
        prefix = "" if key == "one" else "packed."
        result |= {prefix + k: t for k, t in s.items()}
    for k in ("ids", "targets", "weights"):
        result[f"train.{k}"] = torch.stack([s[k] for s in steps])
    path = folder / "golden.safetensors"
    save_file({k: stored(k, t) for k, t in sorted(result.items())}, path)
    path.chmod(0o644)
    reload(folder, spec, result)
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / 1024
    print(
        f"{name}: {size:.0f} KiB, loss {float(result['loss']):.3f} (base {float(result['loss_base']):.3f}), "
        f"train {float(result['train.losses'][0]):.3f} to {float(result['train.losses'][-1]):.3f}, "
        f"{clipped} of {STEPS} steps clipped; float32 from float64 at most {worst[0]:.1e} ({worst[1]})"
    )


def reload(folder, spec, result):
    """The folders as written must say the same as the models in memory."""
    base = spec["model"].from_pretrained(folder, attn_implementation="eager", dtype=torch.float32)
    model = PeftModel.from_pretrained(base, folder / "adapter").eval()
    ids = result["ids"][None].long()
    with torch.no_grad():
        agree("reloaded", model(input_ids=ids, use_cache=False).logits[0], result["logits"], 1e-6)
        lacks = matters(model, spec, ids, result["logits"])
    if lacks:
        raise SystemExit(f"{folder.name}: logits hardly change without {lacks}")


def matters(model, spec, ids, logits):
    """The settings whose absence changes no logits by 1%, so that no test would see it."""
    unseen = []
    for key, value in spec.get("without", {}).items():
        config = copy.deepcopy(spec["config"])
        config._attn_implementation = "eager"
        setattr(config, key, value)
        other = spec["model"](config).float().eval()
        other.load_state_dict(
            {n.removeprefix("base_model.model."): p for n, p in model.merge_and_unload().state_dict().items()}
        )
        if distance(other(input_ids=ids, use_cache=False).logits[0], logits) < 0.01:
            unseen.append(key)
    return unseen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(MODELS)}; all by default")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name in args.names or MODELS:
        with contextlib.redirect_stderr(io.StringIO()):
            make(name, MODELS[name], args.out)


if __name__ == "__main__":
    main()

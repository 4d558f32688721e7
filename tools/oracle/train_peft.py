"""The rival's baseline: train LoRA with PEFT on the very tokens that loraedge trained on.

    python train_peft.py MODEL tokens.jsonl --adapter INITIAL --valid valid.jsonl > peft.jsonl

streams.py says what tokens.jsonl and valid.jsonl hold. Prints JSON lines: "step" (loss,
learning_rate, grad_norm, seconds), "eval" (eval_loss) and "end" (median tokens per second
without the first --skip steps, peak memory of the process). The loss, the clip and
AdamW are what Transformers' Trainer does, without the Trainer's own overhead.

--save-initial DIR writes a fresh adapter and stops, so that both programs can start from it.
"""

import argparse
import contextlib
import json
import pathlib
import resource
import statistics
import sys
import time

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, get_scheduler

import streams


def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("model", help="Hugging Face folder")
    p.add_argument("tokens", nargs="?", help="tokens.jsonl, a line a step")
    p.add_argument("--adapter", help="PEFT folder to start from; a fresh one otherwise")
    p.add_argument("--save-initial", metavar="DIR", help="write a fresh adapter and stop")
    p.add_argument("--out", metavar="DIR", help="write the trained adapter")
    p.add_argument("--r", type=int, default=16)
    p.add_argument("--alpha", type=int, default=32)
    p.add_argument("--seed", type=int, default=42)
    p.add_argument("--lr", type=float, default=2e-4)
    p.add_argument("--schedule", default="cosine", help="a name that Transformers' get_scheduler knows")
    p.add_argument("--warmup", type=int, default=0, help="steps")
    p.add_argument("--total-steps", type=int, help="length of the schedule; all of tokens.jsonl by default")
    p.add_argument("--rates", metavar="F", help="take each step's learning_rate from loraedge's metrics.jsonl instead")
    p.add_argument("--weight-decay", type=float, default=0.0)
    p.add_argument("--max-grad-norm", type=float, default=1.0)
    p.add_argument("--max-steps", type=int)
    p.add_argument("--valid", metavar="F", help="valid.jsonl")
    p.add_argument("--valid-steps", default="", help="evaluate after these steps, as 0,10,20; always after the last")
    p.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32")
    p.add_argument("--qlora", action="store_true", help="base in NF4 with double quantisation, by bitsandbytes")
    p.add_argument("--attention", choices=("sdpa", "eager"), default="sdpa")
    p.add_argument("--gradient-checkpointing", action="store_true")
    p.add_argument("--compile", action="store_true", help="torch.compile; needs a C++ compiler")
    p.add_argument("--only-trained-logits", action="store_true", help="no logits where no token is trained; Trainer makes all")
    p.add_argument("--check-packing", action="store_true", help="first compare packed and separate documents, and stop where they differ")
    p.add_argument("--device", default="cpu", help="cpu, or cuda")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--skip", type=int, default=2, help="steps at the start that do not count for speed")
    args = p.parse_args()
    if not args.tokens and not args.save_initial:
        p.error("give tokens.jsonl, or --save-initial")
    return args


def load(args):
    dtype = getattr(torch, args.dtype)
    more = {}
    if args.qlora:
        more["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
        more["device_map"] = args.device
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=dtype, attn_implementation=args.attention, **more)
    if args.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if args.adapter:
        model = PeftModel.from_pretrained(model, args.adapter, is_trainable=True)
    else:
        config = LoraConfig(
            r=args.r, lora_alpha=args.alpha, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
        )
        model = get_peft_model(model, config)
    return model.to(args.device).train() if not args.qlora else model.train()


def precision(args):
    """bfloat16 as Trainer's bf16=True has it: bfloat16 base, float32 adapter, autocast."""
    if args.dtype == "bfloat16":
        return torch.autocast(args.device.split(":")[0], torch.bfloat16)
    return contextlib.nullcontext()


def learning_rates(path):
    with open(path, encoding="utf-8") as lines:
        events = [json.loads(line) for line in lines if line.strip()]
    return [e["learning_rate"] for e in events if e["event"] == "step"]


def schedule_of(args, optimizer, total):
    if args.rates:
        rates = learning_rates(args.rates)
        if len(rates) < total:
            sys.exit(f"{args.rates} has {len(rates)} learning rates for {total} steps; log every step (logging_steps = 1)")
        # The schedule is asked once more after the last step.
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: rates[min(i, len(rates) - 1)] / args.lr)
    return get_scheduler(
        args.schedule, optimizer, num_warmup_steps=args.warmup, num_training_steps=args.total_steps or total
    )


def say(**event):
    print(json.dumps(event), flush=True)


def check_packing(args, model, m):
    with torch.no_grad(), precision(args):
        packed, separate = float(streams.weighted_sum(model, m)), float(streams.separate_sum(model, m))
    apart = abs(packed - separate) / abs(separate)
    say(event="packing", documents=len(m["documents"]), packed=packed, separate=separate, relative_difference=apart)
    if not apart <= (1e-5 if args.dtype == "float32" else 1e-2):
        sys.exit("packed documents do not give the loss of separate ones")


def evaluate(args, model, valid, step):
    start, total = time.perf_counter(), 0.0
    with torch.no_grad(), precision(args):
        for part in valid:
            total += sum(float(streams.weighted_sum(model, m, args.only_trained_logits)) for m in part)
    n = sum(streams.trained(part) for part in valid)
    say(event="eval", step=step, eval_loss=total / n, trained_tokens=n, seconds=time.perf_counter() - start)


def take_step(args, model, params, optimizer, step):
    """Forward and backward of every micro batch, clip, update: loss and gradient norm."""
    optimizer.zero_grad(set_to_none=True)
    n, loss = streams.trained(step), 0.0
    for m in step:
        with precision(args):
            part = streams.weighted_sum(model, m, args.only_trained_logits) / n
        part.backward()
        loss += float(part.detach())
    norm = float(torch.nn.utils.clip_grad_norm_(params, args.max_grad_norm))
    optimizer.step()
    return loss, norm


def wait(args):
    """A GPU works on while Python goes on."""
    if args.device != "cpu":
        torch.cuda.synchronize()


def on(device, steps):
    return [[{k: v.to(device) if torch.is_tensor(v) else v for k, v in m.items()} for m in step] for step in steps]


def train(args, model, steps, valid):
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        params, lr=args.lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=args.weight_decay
    )
    schedule = schedule_of(args, optimizer, len(steps))
    valid_at = {int(s) for s in args.valid_steps.split(",") if s} | {len(steps)}
    if valid and 0 in valid_at:
        evaluate(args, model, valid, 0)
    seconds = []
    for i, step in enumerate(steps, 1):
        wait(args)
        start = time.perf_counter()
        rate = schedule.get_last_lr()[0]
        loss, norm = take_step(args, model, params, optimizer, step)
        schedule.step()
        wait(args)
        seconds.append(time.perf_counter() - start)
        count = streams.tokens(step)
        say(
            event="step", step=i, loss=loss, learning_rate=rate, grad_norm=norm, tokens=count,
            seconds=seconds[-1], tokens_per_second=count / seconds[-1],
        )
        if valid and i in valid_at:
            evaluate(args, model, valid, i)
    return seconds


def finish(args, steps, seconds):
    counted = list(zip(steps, seconds))[args.skip :] or list(zip(steps, seconds))
    padded = [sum(len(m["ids"]) for m in step) / s for step, s in counted]
    say(
        event="end",
        steps=len(steps),
        seconds=sum(seconds),
        tokens_per_second=statistics.median(streams.tokens(step) / s for step, s in counted),
        tokens_per_second_with_padding=statistics.median(padded),
        peak_device_bytes=torch.cuda.max_memory_allocated() if args.device != "cpu" else 0,
        peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        threads=args.threads,
        device=args.device,
        dtype=args.dtype,
        qlora=args.qlora,
        gradient_checkpointing=args.gradient_checkpointing,
        compile=args.compile,
        only_trained_logits=args.only_trained_logits,
        torch=torch.__version__,
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
    )


def save(model, folder):
    """An adapter without the empty model card that PEFT adds."""
    model.save_pretrained(folder)
    (pathlib.Path(folder) / "README.md").unlink(missing_ok=True)


def main():
    args = parse()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    model = load(args)
    if args.save_initial:
        save(model, args.save_initial)
        return
    steps = on(args.device, streams.read_steps(args.tokens, args.max_steps))
    valid = on(args.device, streams.read_steps(args.valid)) if args.valid else []
    if args.check_packing:
        check_packing(args, model, steps[0][0])
    run = torch.compile(model) if args.compile else model
    seconds = train(args, run, steps, valid)
    if args.out:
        save(model, args.out)
    finish(args, steps, seconds)


if __name__ == "__main__":
    main()

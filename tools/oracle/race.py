"""Speed and losses of loraedge beside PEFT: same tokens, same order, same initial adapter, one after the other.

    python race.py LORAEDGE MODEL DATA OUT [--steps 5] [--modes float32,bfloat16,qlora] [--length 2048] [--compile]
                   [--only-trained-logits]

LORAEDGE is the program, DATA Alpaca records. For each mode loraedge trains first, with activations
kept as PEFT keeps them, then PEFT (train_peft.py) in the same dtype, eager, and with --compile also
compiled. loraedge makes no logits where no token is trained, the Trainer makes all; with
--only-trained-logits PEFT makes none of them either. Prints the table of docs/performance.md; tokens per second are the median without the first
two steps. A rival that fails is a row that says so, and what it wrote follows on stderr. Measure on
an idle machine.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).parent

CONFIG = """base_model = {model!r}
output_dir = {out!r}
[[datasets]]
path = {data!r}
type = "alpaca"
limit = 900
[data]
sequence_len = {length}
[train]
max_steps = {steps}
micro_batch_size = 1
gradient_accumulation_steps = 1
warmup_steps = 1
save_steps = 0
[device]
backend = "cpu"
gradient_checkpointing = false
"""

# Of each mode: its name, the rival's, loraedge's settings and PEFT's options.
MODES = {
    "float32": ("float32", "PEFT", ["device.dtype=float32"], []),
    "bfloat16": ("bfloat16", "PEFT", ["device.dtype=bfloat16"], ["--dtype", "bfloat16"]),
    "qlora": (
        "QLoRA in bfloat16", "PEFT with bitsandbytes", ["adapter.kind=qlora", "device.dtype=bfloat16"], ["--qlora", "--dtype", "bfloat16"],
    ),
}
NUMBERS = "no one two three four five six seven eight nine ten".split()


def events(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def ours(args, config, settings):
    sets = [part for s in settings for part in ("--set", s)]
    subprocess.run([args.loraedge, "run", config, "--overwrite", *sets], check=True, stderr=subprocess.DEVNULL)
    all_events = events((args.out / "run" / "metrics.jsonl").read_text())
    steps = [e for e in all_events if e["event"] == "step"]
    end = next(e for e in all_events if e["event"] == "end")
    return steps, statistics.median(e["tokens_per_second"] for e in steps[2:]), end["peak_bytes"]


def peft(args, options):
    """Steps, speed and peak; None where PEFT failed."""
    run = subprocess.run(
        [sys.executable, HERE / "train_peft.py", args.model, args.out / "tokens" / "tokens.jsonl", "--adapter", args.out / "initial",
         "--rates", args.out / "run" / "metrics.jsonl", "--threads", str(args.threads), *options],
        capture_output=True, text=True,
    )
    all_events = events(run.stdout)
    if run.returncode != 0 or not all_events or all_events[-1]["event"] != "end":
        print(run.stderr, file=sys.stderr)
        return None
    end = all_events[-1]
    return [e for e in all_events if e["event"] == "step"], end["tokens_per_second"], end["peak_rss_bytes"]


def say(name, result, base=None):
    """A row; base is loraedge's speed, where the row is a rival's."""
    if result is None:
        print(f"| {name} | failed | | | |", flush=True)
        return
    steps, speed, peak = result
    losses = " ".join(f"{e['loss']:.4f}" for e in steps)
    faster = f"{base / speed:.2f}" if base else ""
    print(f"| {name} | {speed:.0f} | {faster} | {peak / 2**30:.2f} GiB | {losses} |", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    p.add_argument("loraedge"), p.add_argument("model"), p.add_argument("data"), p.add_argument("out", type=pathlib.Path)
    p.add_argument("--steps", type=int, default=5)
    p.add_argument("--length", type=int, default=2048)
    p.add_argument("--modes", default="float32,bfloat16,qlora")
    p.add_argument("--compile", action="store_true")
    p.add_argument("--only-trained-logits", action="store_true")
    p.add_argument("--threads", type=int, default=2)
    args = p.parse_args()
    args.out = args.out.resolve()
    args.out.mkdir(parents=True, exist_ok=True)
    config = args.out / "lora.toml"
    config.write_text(CONFIG.format(
        model=str(pathlib.Path(args.model).resolve()), out=str(args.out / "run"), data=str(pathlib.Path(args.data).resolve()), length=args.length, steps=args.steps
    ))
    # One step at rate 0 writes the initial adapter.
    quiet = dict(check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.run([args.loraedge, "run", config, "--overwrite", "--set", "train.max_steps=1", "--set", f"output_dir={args.out / 'initial'}"], **quiet)
    subprocess.run([args.loraedge, "check", config, "--dump-tokens", args.out / "tokens"], **quiet)
    count = NUMBERS[args.steps] if args.steps < len(NUMBERS) else args.steps
    print(f"| program | tokens a second | loraedge is faster by | process peak | losses of {count} steps |")
    print("| --- | --- | --- | --- | --- |")
    for mode in args.modes.split(","):
        kind, rival, settings, options = MODES[mode]
        own = ours(args, config, settings)
        say(f"loraedge, {kind}", own)
        if args.only_trained_logits:
            options = [*options, "--only-trained-logits"]
        for name, more in [("eager", [])] + ([("compiled", ["--compile"])] if args.compile else []):
            say(f"{rival}, {kind}, {name}", peft(args, options + more), own[1])


main()

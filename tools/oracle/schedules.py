#!/usr/bin/env python3
"""Learning rates of Transformers' schedules, for core/train's tests.

    schedules.py core/train/testdata/schedules.json

Each case has the arguments as lora.toml names them and get_last_lr() before
every step; those of reduce_lr_on_plateau also the losses of the evaluations,
one a step.
"""

import json
import pathlib
import sys

import torch
import transformers
from transformers import get_scheduler

BASE = 2e-4

# [kind, warm-up steps, steps, settings by Transformers' names]
CASES = [
    ["cosine", 3, 12, {}],
    ["cosine", 0, 7, {}],
    ["cosine", 2, 11, {"num_cycles": 1.25}],
    ["linear", 3, 12, {}],
    ["linear", 0, 7, {}],
    ["constant", 3, 6, {}],
    ["constant_with_warmup", 3, 7, {}],
    ["cosine_with_restarts", 2, 14, {}],
    ["cosine_with_restarts", 2, 14, {"num_cycles": 3}],
    ["cosine_with_restarts", 0, 5, {"num_cycles": 7}],
    ["polynomial", 2, 9, {}],
    ["polynomial", 0, 9, {"power": 2.5, "lr_end": 1e-5}],
    ["polynomial", 4, 13, {"power": 0.5, "lr_end": 3e-5}],
    ["inverse_sqrt", 4, 12, {}],
    ["inverse_sqrt", 0, 6, {}],
    ["inverse_sqrt", 3, 12, {"timescale": 7}],
    ["cosine_with_min_lr", 3, 12, {"min_lr": 5e-5}],
    ["cosine_with_min_lr", 0, 9, {"min_lr_rate": 0.1}],
    ["cosine_with_min_lr", 2, 9, {"min_lr_rate": 0.3, "num_cycles": 1.5}],
    ["warmup_stable_decay", 3, 14, {"num_decay_steps": 5}],
    ["warmup_stable_decay", 3, 14, {"num_decay_steps": 6, "min_lr_ratio": 0.2, "num_cycles": 1}],
    ["warmup_stable_decay", 4, 14, {"num_decay_steps": 4, "warmup_type": "cosine", "decay_type": "linear", "min_lr_ratio": 0.05}],
    ["warmup_stable_decay", 4, 10, {"num_decay_steps": 6, "warmup_type": "1-sqrt", "decay_type": "1-sqrt"}],
    ["warmup_stable_decay", 0, 4, {"num_decay_steps": 0}],
]

LOSSES = [3.0, 2.0, 2.0, 1.9999, 1.9, 1.9, 1.95, 1.91, 1.9, 2.0, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.5, 1.5, 0.9, 0.95, 1, 1, 1, 1]
PLATEAUS = [
    {"patience": 2},
    {"factor": 0.5, "patience": 0},
    {"factor": 0.5, "patience": 1, "cooldown": 2, "threshold": 0.02},
    {"factor": 0.3, "patience": 1, "min_lr": 2e-5},
    {"factor": 0.1, "patience": 0, "min_lr": 1e-12},
]
# Settings that have another name in lora.toml, beside early stopping's.
OURS = {"min_lr_ratio": "min_lr_rate"} | {k: "plateau_" + k for k in ("factor", "patience", "threshold", "cooldown")}


def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=BASE)


def named(settings):
    return {OURS.get(k, k): v for k, v in settings.items()}


def main():
    cases = []
    for kind, warmup, total, settings in CASES:
        o = optimizer()
        s = get_scheduler(kind, o, num_warmup_steps=warmup, num_training_steps=total, scheduler_specific_kwargs=dict(settings))
        rates = []
        for _ in range(total + 1):
            rates.append(s.get_last_lr()[0])
            o.step()
            s.step()
        cases.append(dict(kind=kind, warmup=warmup, total=total, settings=named(settings), rates=rates))
    for settings in PLATEAUS:
        o = optimizer()
        s = get_scheduler("reduce_lr_on_plateau", o, scheduler_specific_kwargs=dict(settings))
        rates = []
        for loss in LOSSES:
            rates.append(o.param_groups[0]["lr"])
            s.step(loss)
        cases.append(dict(kind="reduce_lr_on_plateau", warmup=0, total=len(LOSSES), settings=named(settings), losses=LOSSES, rates=rates))
    text = ",\n".join(json.dumps(c) for c in cases)
    head = json.dumps({"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0], "base": BASE})[:-1]
    pathlib.Path(sys.argv[1]).write_text(f'{head}, "cases": [\n{text}\n]}}\n')


if __name__ == "__main__":
    main()

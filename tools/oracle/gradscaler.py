#!/usr/bin/env python3
"""Loss scales of torch.amp.GradScaler, for core/train's tests.

    gradscaler.py core/train/testdata/gradscaler.json

Each case has the first scale, the growth interval, whether a gradient was
infinite at each step ("1"), and the scale after every step. torch leaves such a
step out: applied counts those that changed the parameter.
"""

import json
import pathlib
import sys

import torch

# [first scale, interval, steps]
CASES = [
    [65536.0, 2000, "0000"],
    [65536.0, 2000, "11100000"],
    [65536.0, 3, "000000100010001100000"],
    [1024.0, 1, "00010010"],
    [8.0, 4, "1110000000010000"],
    [2.0, 5, "0000100001000000"],
]


def run(first, interval, steps):
    p = torch.nn.Parameter(torch.zeros(1))
    o = torch.optim.SGD([p], lr=1.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=first, growth_interval=interval)
    scales, applied = [], 0
    for found in steps:
        scaler.scale(torch.ones(1))
        p.grad = torch.full((1,), float("inf") if found == "1" else 1.0)
        before = p.item()
        scaler.step(o)
        applied += p.item() != before
        scaler.update()
        scales.append(scaler.get_scale())
    return dict(first=first, interval=interval, steps=steps, scales=scales, applied=applied)


def main():
    text = ",\n".join(json.dumps(run(*c)) for c in CASES)
    version = torch.__version__.split("+")[0]
    pathlib.Path(sys.argv[1]).write_text(f'{{"torch": "{version}", "cases": [\n{text}\n]}}\n')


if __name__ == "__main__":
    main()

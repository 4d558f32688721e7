"""Makes optimizers.json: updates by torch 2.15's SGD, bitsandbytes 0.50.2's AdamW8bit on the CPU, and the paper's definition of the latter.

    python optimizers.py

Parameters begin at cos(0.37·i); the gradient of element i at step t (from 0) is
sin(0.7·i + 1.3·t)·10^−(k mod 7)/2, where k is i, or the number of i's block of 256 for
bitsandbytes. Every 13th element is kept of what is large.
"""

import json
import pathlib

import bitsandbytes as bnb
import bitsandbytes.functional as F
import torch

STEPS, EVERY = 20, 13


def start(n):
    return torch.nn.Parameter(torch.cos(0.37 * torch.arange(n, dtype=torch.float64)).float())


def gradient(n, t, by=1):
    i = torch.arange(n, dtype=torch.float64)
    return (torch.sin(0.7 * i + 1.3 * t) * 10 ** (-((i // by) % 7) / 2)).float()


def train(p, optimizer, by=1):
    for t in range(STEPS):
        p.grad = gradient(len(p), t, by)
        optimizer.step()


def kept(x):
    return [float(v) for v in x.detach().flatten()[::EVERY]]


def distance(a, b):
    """Over the change that the updates made."""
    a, b, p = torch.tensor(a), torch.tensor(b), start(5000).detach()[::EVERY]
    return float((a - b).norm() / (b - p).norm())


def nearest(values, x):
    """The nearest code, of two the lower, and the scale of each block of 256."""
    n = len(x)
    blocks = torch.nn.functional.pad(x, (0, -n % 256)).view(-1, 256)
    scale = blocks.abs().amax(1)
    unit = (blocks / torch.where(scale > 0, scale, 1)[:, None]).flatten()[:n]
    above = torch.searchsorted(values, unit.contiguous()).clamp(max=255)
    below = (above - 1).clamp(min=0)
    lower = unit - values[below] <= values[above] - unit
    return torch.where(lower, below, above), scale


def paper(n, lr, beta1, beta2, eps, decay, by=1):
    """The paper's definition in float64: bitsandbytes' CPU kernels look codes up in a table of 65,536
    entries, which cannot tell the smallest codes of v apart."""
    signed, unsigned = F.create_dynamic_map(signed=True).double(), F.create_dynamic_map(signed=False).double()
    p = start(n).detach().double()
    mc, vc = torch.zeros(n, dtype=torch.long), torch.zeros(n, dtype=torch.long)
    ms, vs = torch.zeros(-(-n // 256)).double(), torch.zeros(-(-n // 256)).double()
    block = torch.arange(n) // 256
    for t in range(STEPS):
        g = gradient(n, t, by).double()
        m = beta1 * signed[mc] * ms[block] + (1 - beta1) * g
        v = beta2 * unsigned[vc] * vs[block] + (1 - beta2) * g * g
        p *= 1 - lr * decay
        p -= lr / (1 - beta1 ** (t + 1)) * m / (v.sqrt() / (1 - beta2 ** (t + 1)) ** 0.5 + eps)
        (mc, ms), (vc, vs) = nearest(signed, m), nearest(unsigned, v)
    return dict(params=kept(p), m=[int(c) for c in mc[::EVERY]], v=[int(c) for c in vc[::EVERY]],
                m_scales=[float(x) for x in ms], v_scales=[float(x) for x in vs])


def main():
    out = {}
    for name, momentum, decay in [("sgd", 0.0, 0.0), ("sgd_momentum", 0.9, 0.0), ("sgd_decay", 0.9, 0.1)]:
        p = start(300)
        train(p, torch.optim.SGD([p], lr=1e-2, momentum=momentum, weight_decay=decay, foreach=False))
        out[name] = dict(params=kept(p))
    p = start(5000)
    optimizer = bnb.optim.AdamW8bit([p], lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.05)
    train(p, optimizer, by=256)
    out["bitsandbytes"] = dict(params=kept(p), m_scales=[float(v) for v in optimizer.state[p]["absmax1"]])
    f32 = lambda x: float(torch.tensor(x))  # as the program's scalars are
    settings = [f32(x) for x in (1e-2, 0.9, 0.999, 1e-8, 0.05)]
    out["adamw_8bit"] = paper(5000, *settings)
    print("bitsandbytes from the paper's:", distance(out["bitsandbytes"]["params"], paper(5000, *settings, by=256)["params"]))
    text = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in out.items())
    pathlib.Path(__file__).with_suffix(".json").write_text("{\n" + text + "\n}\n")


main()

"""Make torch_ops.json: what PyTorch, in float64, says of the forward instructions.

    python torch_ops.py > torch_ops.json

Inputs are rounded to float32 first, so that both sides read the same numbers.
The gradients need no golden: finite differences of these forwards test them.
"""

import json

import torch
import torch.nn.functional as F

torch.manual_seed(1)
cases = {}


def normal(*shape):
    return torch.randn(*shape, dtype=torch.float32).double()


def case(name, inputs, outputs):
    cases[name] = {
        "in": [x.flatten().tolist() for x in inputs],
        "out": [x.flatten().tolist() for x in outputs],
    }


for name, act in {
    "silu": F.silu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
}.items():
    a, b = 3 * normal(2, 5), normal(2, 5)
    case(name, [a, b], [act(a) * b])

x, w = normal(3, 8), normal(8)
case("rms_norm", [x, w], [F.rms_norm(x, (8,), w, eps=1e-2)])

# Documents of 3 and 4 tokens, window 2, soft cap 1.5, four heads over two.
q, k, v = normal(7, 4, 6), normal(7, 2, 6), normal(7, 2, 6)
first = torch.tensor([0, 0, 0, 3, 3, 3, 3])
t = torch.arange(7)
seen = (t[None] <= t[:, None]) & (t[None] >= first[:, None]) & (t[None] > t[:, None] - 2)
kk, vv = k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)
scores = torch.einsum("thd,shd->hts", q, kk) * 0.5
scores = 1.5 * torch.tanh(scores / 1.5)
scores = scores.masked_fill(~seen, float("-inf"))
case("attention", [q, k, v], [torch.einsum("hts,shd->thd", scores.softmax(-1), vv), scores.logsumexp(-1).T])
plain = F.scaled_dot_product_attention(q.transpose(0, 1), kk.transpose(0, 1), vv.transpose(0, 1), is_causal=True)
case("attention_plain", [q, k, v], [plain.transpose(0, 1)])

# Rotary embedding of the first 4 of 6 columns: as Transformers writes it for
# halves, and as a product of complex numbers for interleaved pairs.
x = normal(3, 2, 6)
freq = torch.tensor([1.0, 0.25])
angle = (torch.tensor([0.0, 3.0, 70.0])[:, None] * freq).double()[:, None]
rotated, rest = x[..., :4], x[..., 4:]
cos, sin = angle.cos().repeat(1, 1, 2), angle.sin().repeat(1, 1, 2)
half = rotated * cos + torch.cat([-rotated[..., 2:], rotated[..., :2]], -1) * sin
case("rope_half", [x, freq], [torch.cat([half, rest], -1)])
pairs = torch.view_as_complex(rotated.reshape(3, 2, 2, 2)) * torch.polar(torch.ones_like(angle), angle)
case("rope_interleaved", [x, freq], [torch.cat([torch.view_as_real(pairs).flatten(2), rest], -1)])

logits, targets = normal(4, 9), torch.tensor([3, -1, 0, 8])
logits.requires_grad_()
logp = -F.cross_entropy(logits, targets, ignore_index=-1, reduction="none")
(-0.25 * logp.sum()).backward()
case("cross_entropy", [logits.detach()], [logits.grad, logp.detach()])

# Two groups of AdamW, three steps, gradients clipped at 1; the first step's
# gradients are small enough to stay as they are.
p = [torch.nn.Parameter(normal(5)), torch.nn.Parameter(normal(3))]
grads = [[0.1 * normal(5), 0.1 * normal(3)]] + [[normal(5), normal(3)] for _ in range(2)]
start = [x.detach().clone() for x in p]
groups = [{"params": [p[0]], "weight_decay": 0.1}, {"params": [p[1]], "weight_decay": 0.0, "lr": 0.16}]
f32 = lambda v: float(torch.tensor(v, dtype=torch.float32))
for g in groups:
    g["weight_decay"] = f32(g["weight_decay"])
groups[1]["lr"] = 16 * f32(0.01)
optimizer = torch.optim.AdamW(groups, lr=f32(0.01), betas=(f32(0.9), f32(0.999)), eps=f32(1e-8))
norms = []
for step in grads:
    for x, g in zip(p, step):
        x.grad = g.clone()
    norms.append(torch.nn.utils.clip_grad_norm_(p, 1.0))
    optimizer.step()
state = [optimizer.state[x] for x in p]
case(
    "adamw",
    start + [g for step in grads for g in step],
    [x.detach() for x in p] + [s["exp_avg"] for s in state] + [s["exp_avg_sq"] for s in state] + [torch.stack(norms)],
)

lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(c)}" for name, c in cases.items())
print("{\n" + lines + "\n}")

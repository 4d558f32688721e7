"""Makes the goldens of this folder with the reference implementation.

Needs PyPI's torch and safetensors. Run it in this folder:

    python make_goldens.py            writes the goldens
    python make_goldens.py check F    loads a file written by loraedge and prints it
"""

import json
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file

if sys.argv[1:2] == ["check"]:
    with safe_open(sys.argv[2], "pt") as f:
        print("metadata", f.metadata())
        for name in sorted(f.keys()):
            t = f.get_tensor(name)
            print(name, t.dtype, list(t.shape), t.flatten().tolist())
    sys.exit()

torch.manual_seed(1)
values = torch.tensor([[1.0, -2.5, 3.14159], [0.0, 1e-30, 65504.0]])
mixed = {
    "f32": values,
    "f16": values.to(torch.float16),
    "bf16": values.to(torch.bfloat16),
    "i64": torch.arange(-2, 3),
    "i32": torch.arange(3, dtype=torch.int32),
    "u8": torch.arange(5, dtype=torch.uint8),
    "bool": torch.tensor([True, False, True]),
    "scalar": torch.tensor(7.5),
    "empty": torch.zeros(0, 4),
    "f8": values.to(torch.float8_e4m3fn),
}
save_file(mixed, "mixed.safetensors", metadata={"format": "pt", "note": "made by the reference"})
json.dump(
    {
        name: {
            "dtype": str(t.dtype),
            "shape": list(t.shape),
            "values": [] if name == "f8" else [float(x) for x in t.flatten()],
        }
        for name, t in mixed.items()
    },
    open("mixed.json", "w"),
    indent=1,
)

plain = {
    "model.b.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "model.a.weight": torch.arange(4, dtype=torch.float32) / 3,
    "model.c.bias": torch.tensor(-1.0),
}
for name, dtype in ("f32", torch.float32), ("f16", torch.float16), ("bf16", torch.bfloat16):
    save_file({k: v.to(dtype) for k, v in plain.items()}, f"plain_{name}.safetensors", metadata={"format": "pt"})

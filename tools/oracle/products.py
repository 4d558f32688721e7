"""Speed of matrix products beside oneDNN's through torch: same shapes, same
threads, turn by turn in one run, the best of all turns for both sides.

    python tools/oracle/products.py [--turns 5] [--threads 2] [--json FILE]

It builds and runs the benchmarks of backends/cpu (a product with an adapter's
rank 16 and its addition, as a layer has it) and prints, for each shape and
type, both speeds and the share of the smaller of two peaks: multiply-adds in
registers, and the best that oneDNN reached at any shape of that type.
"""

import argparse
import json
import os
import re
import subprocess
import tempfile
import time

import torch

# rows, inputs, outputs
SHAPES = [(2048, 576, 576), (2048, 576, 1536), (2048, 1536, 576), (2048, 2048, 2048), (2048, 4096, 4096)]
# Go's name of (weight, compute) and what torch multiplies.
TYPES = [
    ("F32", "F32", torch.float32),
    ("BF16", "BF16", torch.bfloat16),
    ("NF4_DOUBLE", "BF16", torch.bfloat16),
]
ROUNDS = 5


def rival(shape, dtype):
    """GFLOP/s of x·wᵀ in torch."""
    rows, inputs, outputs = shape
    x, w = torch.randn(rows, inputs).to(dtype), torch.randn(outputs, inputs).to(dtype)
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        torch.nn.functional.linear(x, w)
        best = min(best, time.perf_counter() - start)
    return 2 * rows * inputs * outputs / best / 1e9


def ours(binary, shape, weight, compute, threads):
    """GFLOP/s of the instruction linear, and this turn's peak."""
    name = f"BenchmarkLinear/linear/{shape[0]}x{shape[1]}to{shape[2]}/weight={weight}/compute={compute}$"
    out = subprocess.run(
        [binary, "-test.run", "^$", "-test.benchtime", "1x", "-test.bench", "/".join(f"^{p.rstrip('$')}$" for p in name.split("/"))],
        cwd="backends/cpu", env=dict(os.environ, LORAEDGE_CPU_THREADS=str(threads)), check=True, capture_output=True, text=True,
    ).stdout
    numbers = {unit: float(value) for value, unit in re.findall(r"([\d.]+) (GFLOP/s|peak-GFLOP/s)", out)}
    return numbers["GFLOP/s"], numbers["peak-GFLOP/s"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--turns", type=int, default=5)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--json", metavar="FILE")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    best = {}

    def keep(key, value):
        best[key] = max(best.get(key, 0), value)

    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, "bench")
        subprocess.run(["go", "test", "-c", "-o", binary, "./backends/cpu"], check=True)
        for _ in range(args.turns):
            for shape in SHAPES:
                for weight, compute, dtype in TYPES:
                    speed, peak = ours(binary, shape, weight, compute, args.threads)
                    keep((shape, weight, compute), speed)
                    keep(("peak", compute), peak)
                    if weight == compute:
                        keep(("torch", shape, compute), rival(shape, dtype))
    rows = []
    for weight, compute, _ in TYPES:
        limit = min(best["peak", compute], max(v for k, v in best.items() if k[0] == "torch" and k[2] == compute))
        for shape in SHAPES:
            speed, other = best[shape, weight, compute], best["torch", shape, compute]
            rows.append({
                "rows": shape[0], "in": shape[1], "out": shape[2], "weight": weight, "compute": compute,
                "gflops": speed, "torch_gflops": other, "peak_gflops": best["peak", compute], "share_of_smaller_peak": speed / limit,
            })
    print(f"{'product':>18} {'weight':>11} {'compute':>8} {'ours':>7} {'oneDNN':>7} {'peak':>7} {'share':>6}")
    for r in rows:
        shape = f"{r['rows']}x{r['in']} to {r['out']}"
        print(f"{shape:>18} {r['weight']:>11} {r['compute']:>8} {r['gflops']:7.1f} {r['torch_gflops']:7.1f} {r['peak_gflops']:7.1f} {r['share_of_smaller_peak']:6.3f}")
    if args.json:
        with open(args.json, "w") as f:
            json.dump({"torch": torch.__version__, "threads": args.threads, "results": rows}, f, indent=1)


if __name__ == "__main__":
    main()

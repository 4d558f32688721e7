"""Writes the Parquet goldens of core/data/container with pyarrow.

    python tools/oracle/parquet.py core/data/container/testdata

NAME.parquet is what pyarrow writes, NAME.json what pyarrow reads of it.
Needs pyarrow 26.0.1.
"""

import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

turn = pa.struct([("role", pa.string()), ("content", pa.string())])


def nested():
    return pa.table({
        "messages": pa.array([
            [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo \u00e9 \u4f60"}],
            [{"role": "user", "content": None}, None], None, []], pa.list_(turn)),
        "whole": pa.array([1, None, -3, 2**53], pa.int64()),
        "small": pa.array([1, None, -3, 4], pa.int8()),
        "unsigned": pa.array([1, 2, 3, 2**53], pa.uint64()),
        "real": pa.array([1.5, None, -0.25, 1e300], pa.float64()),
        "truth": pa.array([True, None, False, True]),
        "repeated": pa.array(["same", None, "same", ""]).dictionary_encode(),
        "list": pa.array([["a", None], [], None, ["x"]], pa.list_(pa.string())),
        "lists": pa.array([[["a"], []], [], None, [["x", "y"], None]], pa.list_(pa.list_(pa.string()))),
        "map": pa.array([[("k", "v")], [], None, [("a", "b"), ("c", None)]], pa.map_(pa.string(), pa.string())),
        "inner": pa.array([{"list": [1, 2], "deep": {"x": "y"}}, None, {"list": None, "deep": None}, {"list": [], "deep": {"x": None}}],
                          pa.struct([("list", pa.list_(pa.int32())), ("deep", pa.struct([("x", pa.string())]))])),
        "large": pa.array(["a", None, "c", "d"], pa.large_string()),
    })


def plain():
    n = 60
    return pa.table({
        "instruction": [f"question {i}" for i in range(n)],
        "output": [f"answer {i} " + "word " * (i % 50) for i in range(n)],
        "score": pa.array([i % 7 for i in range(n)], pa.int32()),
    })


def value(v):
    """pyarrow gives maps as lists of pairs."""
    if isinstance(v, list) and v and all(isinstance(x, tuple) for x in v):
        return {k: value(x) for k, x in v}
    if isinstance(v, list):
        return [value(x) for x in v]
    if isinstance(v, dict):
        return {k: value(x) for k, x in v.items()}
    return v


def main(out):
    for name, table, options in [
        ("nested", nested(), {"compression": "zstd", "row_group_size": 3}),
        ("plain", plain(), {"compression": "snappy", "row_group_size": 25, "data_page_version": "2.0"}),
    ]:
        pq.write_table(table, out / f"{name}.parquet", **options)
        rows = pq.read_table(out / f"{name}.parquet").to_pylist()
        for row in rows:
            for k, v in row.items():
                row[k] = {} if k == "map" and v == [] else value(v)
        (out / f"{name}.json").write_text(json.dumps(rows, ensure_ascii=False, separators=(",", ":")) + "\n")


main(Path(sys.argv[1]))

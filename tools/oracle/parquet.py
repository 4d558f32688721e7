"""Writes the Parquet goldens of core/data/container with pyarrow.

    python tools/oracle/parquet.py core/data/container/testdata

NAME.parquet is what pyarrow writes, NAME.json what pyarrow reads of it.
With a second folder, every table is also written there in every codec, page version, encoding
and size of row groups and pages, for

    PARQUET_MATRIX=FOLDER go test -run Pyarrow ./core/data/container

Needs pyarrow 26.0.1.
"""

import datetime
import decimal
import itertools
import json
import sys
import uuid
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


def kinds():
    """Values that JSON has no type of its own for."""
    utc = datetime.timezone.utc
    moments = [datetime.datetime(2024, 2, 29, 23, 59, 58, 123456), None, datetime.datetime(1969, 12, 31, 23, 59, 59), datetime.datetime(1, 1, 1)]
    near = [datetime.datetime(2024, 2, 29, 23, 59, 58, 123456), None, datetime.datetime(1969, 12, 31, 23, 59, 59), datetime.datetime(1900, 1, 1)]
    amounts = [decimal.Decimal("12.34"), None, decimal.Decimal("-0.05"), decimal.Decimal("-99999.99")]
    return pa.table({
        "seconds": pa.array([m and m.replace(microsecond=0) for m in moments], pa.timestamp("s")),
        "millis": pa.array([m and m.replace(microsecond=120000 * bool(m.microsecond)) for m in moments], pa.timestamp("ms")),
        "micros": pa.array([m and m.replace(tzinfo=utc) for m in moments], pa.timestamp("us", "UTC")),
        "nanos": pa.array(near, pa.timestamp("ns")),
        "date": pa.array([m and m.date() for m in moments], pa.date32()),
        "time": pa.array([m and m.time() for m in moments], pa.time64("us")),
        "time_ms": pa.array([m and m.time().replace(microsecond=0) for m in moments], pa.time32("ms")),
        "decimal": pa.array(amounts, pa.decimal128(7, 2)),
        "wide": pa.array([decimal.Decimal("-123456789012345678901234567890.12345678"), None, decimal.Decimal(0), decimal.Decimal("0.00000001")], pa.decimal128(38, 8)),
        "whole": pa.array([decimal.Decimal(-5), None, decimal.Decimal(0), decimal.Decimal(2**40)], pa.decimal128(20, 0)),
        "half": pa.array([1.5, None, -0.25, 65504], pa.float16()),
        "single": pa.array([1.5, None, -0.125, 2.0**20], pa.float32()),
        "infinite": pa.array([float("inf"), None, float("nan"), 1], pa.float64()),
        "bytes": pa.array([b"text", None, b"\xff\x00", b""], pa.binary()),
        "fixed": pa.array([b"abcd", None, b"\xff\x00\x01\x02", b"wxyz"], pa.binary(4)),
        "uuid": pa.array([uuid.UUID(int=2**127 + 1).bytes, None, uuid.UUID(int=0).bytes, uuid.UUID(int=7).bytes], pa.uuid()),
        "u8": pa.array([255, None, 0, 1], pa.uint8()),
        "u16": pa.array([65535, None, 0, 1], pa.uint16()),
        "u32": pa.array([2**32 - 1, None, 0, 1], pa.uint32()),
        "i16": pa.array([-(2**15), None, 0, 1], pa.int16()),
        "nothing": pa.nulls(4),
        "times": pa.array([[moments[0], None], None, [], [moments[2]]], pa.list_(pa.timestamp("us"))),
    })


def deltas():
    n = 300
    return pa.table({
        "number": pa.array([None if i % 11 == 0 else i * i - 5000 for i in range(n)], pa.int64()),
        "small": pa.array([(i * 7919) % 1000 - 500 for i in range(n)], pa.int32()),
        "same": pa.array([7] * n, pa.int64()),
        "text": [f"common prefix {i // 3} \u00e9" * (i % 3) for i in range(n)],
        "words": pa.array([None if i % 7 == 0 else [f"w{j}" for j in range(i % 5)] for i in range(n)], pa.list_(pa.string())),
        "truth": pa.array([None if i % 13 == 0 else i % 3 == 0 for i in range(n)], pa.bool_()),
        "real": pa.array([i / 7 for i in range(n)], pa.float64()),
        "single": pa.array([i / 8 for i in range(n)], pa.float32()),
    })


DELTAS = {"number": "DELTA_BINARY_PACKED", "small": "DELTA_BINARY_PACKED", "same": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY",
          "words.list.element": "DELTA_LENGTH_BYTE_ARRAY", "truth": "RLE", "real": "BYTE_STREAM_SPLIT", "single": "BYTE_STREAM_SPLIT"}


def fraction(text, micros):
    return text + (f".{micros:06d}".rstrip("0") if micros else "")


def value(v):
    """What the program writes for a value: pyarrow gives maps as lists of pairs, JSON has no moments, bytes or infinities."""
    if isinstance(v, datetime.datetime):
        return fraction(v.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0"), v.microsecond) + ("Z" if v.tzinfo else "")
    if isinstance(v, datetime.date):
        return v.isoformat()
    if isinstance(v, datetime.time):
        return fraction(v.strftime("%H:%M:%S"), v.microsecond)
    if isinstance(v, decimal.Decimal):
        return float(v)
    if isinstance(v, uuid.UUID):
        return str(v)
    if isinstance(v, bytes):
        try:
            return v.decode()
        except UnicodeDecodeError:
            return f"(binary data of {len(v)} bytes)"
    if isinstance(v, float) and (v != v or abs(v) == float("inf")):
        return None
    if isinstance(v, list) and v and all(isinstance(x, tuple) for x in v):
        return {k: value(x) for k, x in v}
    if isinstance(v, list):
        return [value(x) for x in v]
    if isinstance(v, dict):
        return {k: value(x) for k, x in v.items()}
    return v


def rows(path):
    table = pq.read_table(path)
    for i, field in enumerate(table.schema):
        if field.type == pa.timestamp("ns"):  # Python's moments have microseconds
            table = table.set_column(i, field.name, table.column(i).cast(pa.timestamp("us")))
    found = table.to_pylist()
    for row in found:
        for k, v in row.items():
            row[k] = {} if k == "map" and v == [] else value(v)
    return found


def save(table, path, **options):
    pq.write_table(table, path, **options)
    path.with_suffix(".json").write_text(json.dumps(rows(path), ensure_ascii=False, separators=(",", ":")) + "\n")


def matrix(out):
    """Every table in every form."""
    codecs = ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]
    forms = {"dictionary": {}, "plain": {"use_dictionary": False}, "small": {"data_page_size": 64, "write_batch_size": 3}, "indexed": {"write_page_index": True, "write_page_checksum": True}}
    for (name, table), codec, version, (form, options), size in itertools.product(
            [("nested", nested()), ("plain", plain()), ("kinds", kinds()), ("deltas", deltas())], codecs, ["1.0", "2.0"], forms.items(), [1, 3, 1000]):
        save(table, out / f"{name}-{codec}-{version[0]}-{form}-{size}.parquet", compression=codec, data_page_version=version, row_group_size=size, **options)
    for codec, version, size in itertools.product(codecs, ["1.0", "2.0"], [1, 129, 1000]):
        save(deltas(), out / f"deltas-{codec}-{version[0]}-encoded-{size}.parquet", compression=codec, data_page_version=version, row_group_size=size,
             use_dictionary=False, column_encoding=DELTAS)
    save(kinds().select(["nanos", "date"]), out / "kinds-int96.parquet", use_deprecated_int96_timestamps=True)


def main(out, all_forms=None):
    for name, table, options in [
        ("nested", nested(), {"compression": "zstd", "row_group_size": 3}),
        ("plain", plain(), {"compression": "snappy", "row_group_size": 25, "data_page_version": "2.0"}),
        ("kinds", kinds(), {"compression": "gzip"}),
        ("deltas", deltas().slice(0, 150), {"compression": "lz4", "data_page_version": "2.0", "use_dictionary": False, "column_encoding": DELTAS}),
        # Uncompressed, for fuzzing to reach what is within.
        ("bare", deltas().slice(0, 20), {"compression": "none", "use_dictionary": False, "column_encoding": DELTAS}),
        ("lists", nested(), {"compression": "none", "data_page_version": "2.0"}),
        ("brotli", deltas().slice(0, 40), {"compression": "brotli", "row_group_size": 17, "data_page_size": 64, "write_batch_size": 5}),
    ]:
        save(table, out / f"{name}.parquet", **options)
    if all_forms:
        matrix(all_forms)


main(*map(Path, sys.argv[1:]))

"""Compares what was published with pyarrow's own reading of the source, value by value.

stdin: lines of SOURCE TAB PUBLISHED, where a SOURCE that begins with - is not read; stdout: one JSON line each, with
  error   neither pyarrow nor polars reads the source, and why (its values are not compared)
  broken  the published file is not one that pyarrow reads and validates in full
  differs columns whose values differ, with the first place
  types   [column, type in the source, type as published] where the two differ
Around equal values these may differ: list and string kinds, zones of a time, units,
dictionaries, extension names, the width of decimals.
"""

import json
import os
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SCALE = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


def read(path, published):
    if path.endswith((".parquet", ".snappy", ".parq")):
        units = {f.type.unit for f in published.schema if pa.types.is_timestamp(f.type)}
        f = pq.ParquetFile(path, coerce_int96_timestamp_unit=units.pop() if len(units) == 1 else None)
        t = f.read(use_threads=False)
        if t.num_rows != f.metadata.num_rows:  # seen with required lists of booleans in pages of version 2
            raise ValueError(f"{t.num_rows} rows, and the footer says {f.metadata.num_rows}")
        return t
    with open(path, "rb") as f:
        data = f.read()
    if data.startswith(b"ARROW1"):
        return pa.ipc.open_file(pa.BufferReader(data)).read_all()
    return pa.ipc.open_stream(pa.BufferReader(data)).read_all()


def by_polars(path):
    """For what pyarrow does not read: integers of 128 bits."""
    import polars as pl

    how = {".parquet": pl.read_parquet, ".arrow": pl.read_ipc, ".arrows": pl.read_ipc_stream}[os.path.splitext(path)[1]]
    return how(path).with_columns(pl.col(pl.Int128).cast(pl.Decimal(38, 0))).to_arrow()


def storage(t):
    """The type that plain values have."""
    if isinstance(t, pa.BaseExtensionType):
        return storage(t.storage_type)
    if pa.types.is_dictionary(t) or pa.types.is_run_end_encoded(t):
        return storage(t.value_type)
    if pa.types.is_map(t):
        return pa.map_(storage(t.key_type), storage(t.item_type))
    if is_list(t):
        return pa.large_list(storage(t.value_type))
    if pa.types.is_struct(t):
        return pa.struct([pa.field(f.name, storage(f.type)) for f in t])
    if pa.types.is_large_string(t) or pa.types.is_string(t) or pa.types.is_string_view(t):
        return pa.large_string()
    if pa.types.is_large_binary(t) or pa.types.is_binary(t) or pa.types.is_binary_view(t):
        return pa.large_binary()
    return t


def is_list(t):
    return any(f(t) for f in (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_list_view, pa.types.is_large_list_view))


def plain(a):
    """An array as comparable Python values."""
    t = a.type
    if isinstance(a, pa.ChunkedArray):
        return [v for c in a.chunks for v in plain(c)]
    if isinstance(t, pa.BaseExtensionType):
        return plain(a.storage)
    if pa.types.is_dictionary(t):
        if pa.types.is_string_view(t.value_type) or pa.types.is_binary_view(t.value_type):
            a = pa.DictionaryArray.from_arrays(a.indices, a.dictionary.cast(storage(t.value_type)))
        return plain(a.dictionary_decode())
    if pa.types.is_run_end_encoded(t):
        return plain(pc.run_end_decode(a))
    if pa.types.is_map(t):
        keys, items = plain(a.keys), plain(a.items)
        return nested(a, lambda i, j: list(zip(keys[i:j], items[i:j])))
    if is_list(t):
        return listed(a)
    if pa.types.is_struct(t):
        kids = [plain(a.field(i)) for i in range(t.num_fields)]
        names = [t.field(i).name for i in range(t.num_fields)]
        ok = a.is_valid().to_pylist()
        return [{n: k[i] for n, k in zip(names, kids)} if ok[i] else None for i in range(len(a))]
    if pa.types.is_floating(t):
        if t == pa.float16():
            return [None if v is None else repr(float(v)) for v in a.to_pylist()]
        return [None if v is None else repr(v) for v in a.to_pylist()]
    if pa.types.is_timestamp(t) or pa.types.is_time(t) or pa.types.is_duration(t):
        width = pa.int32() if t.bit_width == 32 else pa.int64()
        return [None if v is None else v * SCALE[t.unit] for v in a.view(width).to_pylist()]
    if pa.types.is_date64(t):
        return [None if v is None else v * 10**6 for v in a.view(pa.int64()).to_pylist()]
    if pa.types.is_date32(t):
        return [None if v is None else v * 86400 * 10**9 for v in a.view(pa.int32()).to_pylist()]
    if pa.types.is_decimal(t):
        return [None if v is None else str(v) for v in a.to_pylist()]
    return a.to_pylist()


def nested(a, at):
    off, ok = a.offsets.to_pylist(), a.is_valid().to_pylist()
    base = 0
    return [at(off[i] - base, off[i + 1] - base) if ok[i] else None for i in range(len(a))]


def listed(a):
    ok = a.is_valid().to_pylist()
    return [plain(a[i].values) if ok[i] else None for i in range(len(a))]


def same(a, b):
    try:
        t = storage(a.type)
        if t == storage(b.type):
            x, y = a.cast(t).combine_chunks(), b.cast(t).combine_chunks()
            if x.equals(y):
                return None
    except Exception:  # noqa: BLE001 (some types cannot be cast or combined)
        pass
    x, y = plain(a), plain(b)
    if len(x) != len(y):
        return f"{len(x)} rows, published {len(y)}"
    for i, (v, w) in enumerate(zip(x, y)):
        if v != w:
            return f"row {i}: {v!r:.80}, published {w!r:.80}"
    return None


def compare(source, out):
    r = {"source": source}
    try:
        with pa.memory_map(out) as f:
            b = pa.ipc.open_file(f).read_all()
        b.validate(full=True)
    except Exception as e:  # noqa: BLE001
        return r | {"broken": f"{type(e).__name__}: {e}"[:300]}
    if source.startswith("-"):
        return r
    try:
        a = read(source, b)
    except Exception as e:  # noqa: BLE001
        try:
            a = by_polars(source)
        except Exception:  # noqa: BLE001
            return r | {"error": f"{type(e).__name__}: {e}"[:300]}
    if a.schema.names != b.schema.names:
        return r | {"differs": [f"columns {a.schema.names}, published {b.schema.names}"]}
    r["differs"] = []
    r["types"] = []
    for f, g, x, y in zip(a.schema, b.schema, a.columns, b.columns):
        if d := same(x, y):
            r["differs"].append(f"{f.name} ({f.type}, {g.type}): {d}")
        if str(f.type) != str(g.type):
            r["types"].append([f.name, str(f.type), str(g.type)])
    return r


if __name__ == "__main__":
    for line in sys.stdin:
        a, b = line.rstrip("\n").split("\t")
        print(json.dumps(compare(a, b)), flush=True)

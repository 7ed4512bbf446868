"""Writes Parquet files of random nested columns: argument: a folder, a seed, how many.
stdout: a path a line."""

import os
import random
import sys

import pyarrow as pa
import pyarrow.parquet as pq

folder, seed, files = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
r = random.Random(seed)


def any_type(depth):
    flat = [pa.int32(), pa.int64(), pa.string(), pa.bool_(), pa.float64(), pa.binary(3), pa.decimal128(9, 2), pa.timestamp("us", "Europe/Riga"), pa.large_string(), pa.int8(), pa.duration("ms"), pa.date32()]
    kind = r.randrange(9) if depth else 0
    item = lambda: pa.field(r.choice(["item", "element", "x"]), any_type(depth - 1), r.random() < 0.7)  # noqa: E731
    if kind == 1:
        return pa.list_(item())
    if kind == 2:
        return pa.large_list(item())
    if kind == 3:
        return pa.list_(item(), r.randrange(1, 4))
    if kind in (4, 5):
        return pa.struct([pa.field(n, any_type(depth - 1), r.random() < 0.7) for n in "abc"[: r.randrange(1, 4)]])
    if kind == 6:
        return pa.map_(r.choice([pa.string(), pa.int32()]), pa.field("value", any_type(depth - 1), r.random() < 0.7))
    return r.choice(flat)


def any_value(t, nullable):
    if nullable and r.random() < 0.2:
        return None
    if pa.types.is_fixed_size_list(t):
        return [any_value(t.value_type, t.value_field.nullable) for _ in range(t.list_size)]
    if pa.types.is_list(t) or pa.types.is_large_list(t):
        return [any_value(t.value_type, t.value_field.nullable) for _ in range(r.choice([0, 0, 1, 2, 5]))]
    if pa.types.is_map(t):
        return list({any_value(t.key_type, False): any_value(t.item_type, t.item_field.nullable) for _ in range(r.randrange(4))}.items())
    if pa.types.is_struct(t):
        return {f.name: any_value(f.type, f.nullable) for f in t}
    n = r.randrange(-100, 100)
    if pa.types.is_boolean(t):
        return n < 0
    if pa.types.is_floating(t):
        return n / 7
    if pa.types.is_integer(t) or pa.types.is_date(t) or pa.types.is_duration(t) or pa.types.is_timestamp(t):
        return n
    if pa.types.is_fixed_size_binary(t):
        return bytes([n % 256, 1, 2])
    if pa.types.is_decimal(t):
        import decimal

        return decimal.Decimal(n) / 4
    return "ž" * (n % 5)


for i in range(files):
    fields = [pa.field(f"c{k}", any_type(r.randrange(4)), r.random() < 0.8) for k in range(r.randrange(1, 4))]
    rows = r.choice([0, 1, 7, 100, 900])
    try:
        table = pa.table({f.name: pa.array([any_value(f.type, f.nullable) for _ in range(rows)], f.type) for f in fields}, schema=pa.schema(fields))
        path = os.path.join(folder, f"{i}.parquet")
        pq.write_table(
            table, path, row_group_size=r.choice([None, 13, 300]), data_page_size=r.choice([None, 64, 1024]), data_page_version=r.choice(["1.0", "2.0"]),
            use_dictionary=r.random() < 0.5, compression=r.choice(["none", "snappy", "lz4", "zstd"]), store_schema=r.random() < 0.7, write_page_checksum=r.random() < 0.3, write_batch_size=r.choice([None, 16]) or 1024,
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as e:
        print(e, file=sys.stderr)
        continue
    print(path)

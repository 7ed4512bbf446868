"""Writes shards of many types: make.py DIR"""
import datetime
import decimal
import random
import sys

import pyarrow as pa
import pyarrow.ipc as ipc

r = random.Random(7)


def maybe(value):
    return None if r.random() < 0.1 else value


def table(first, rows):
    n = range(first, first + rows)
    columns = {
        "n": pa.array(n, pa.int64()),
        "small": pa.array([maybe(r.randrange(256)) for _ in n], pa.uint8()),
        "real": pa.array([maybe(r.gauss(0, 1)) for _ in n], pa.float64()),
        "text": pa.array([maybe("héllo " * r.randrange(4) + str(i)) for i in n], pa.string()),
        "large": pa.array([maybe("x" * r.randrange(9)) for _ in n], pa.large_string()),
        "bytes": pa.array([maybe(r.randbytes(r.randrange(9))) for _ in n], pa.binary()),
        "flag": pa.array([maybe(r.random() < 0.5) for _ in n], pa.bool_()),
        "kind": pa.array([maybe(r.choice(["a", "b", "ccc", "ß"])) for _ in n], pa.string()).dictionary_encode(),
        "when": pa.array([maybe(datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=i)) for i in n], pa.timestamp("us", "UTC")),
        "day": pa.array([maybe(datetime.date(2020, 1, 1) + datetime.timedelta(days=i % 999)) for i in n], pa.date32()),
        "price": pa.array([maybe(decimal.Decimal(r.randrange(10**9)) / 100) for _ in n], pa.decimal128(12, 2)),
        "list": pa.array([maybe([maybe(r.randrange(9)) for _ in range(r.randrange(4))]) for _ in n], pa.list_(pa.int32())),
        "fixed": pa.array([maybe([r.random() for _ in range(3)]) for _ in n], pa.list_(pa.float32(), 3)),
        "deep": pa.array([maybe({"a": maybe(i % 1000), "b": maybe(str(i))}) for i in n], pa.struct([("a", pa.int16()), ("b", pa.string())])),
    }
    return pa.table(columns)


first = 0
for shard, rows in enumerate([3000, 9001, 5, 4100]):
    t = table(first, rows)
    first += rows
    with ipc.new_file(f"{sys.argv[1]}/{shard}.arrow", t.schema) as w:
        w.write_table(t, max_chunksize=2500)

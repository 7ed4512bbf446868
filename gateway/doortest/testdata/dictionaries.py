"""Writes shards whose dictionaries differ from one to the next: dictionaries.py DIR"""
import sys

import pyarrow as pa
import pyarrow.ipc as ipc

schema = pa.schema([
    ("n", pa.int64()),
    ("word", pa.dictionary(pa.int8(), pa.string())),
    ("long", pa.dictionary(pa.uint16(), pa.large_string())),
    ("size", pa.dictionary(pa.int32(), pa.int64())),
])
many = [f"word {i}" for i in range(120)]  # nearly the most that int8 can name
first = 0
for shard, (rows, values) in enumerate([
    (50, ["red", "green", "blue"]), (40, ["blue", "red"]), (7, [None]), (3000, ["ultramarine", "red", "ochre", "ß", ""]), (1, ["green"]), (500, many),
]):
    words = [None if i % 6 == 5 else values[i % len(values)] for i in range(rows)]
    columns = [
        pa.array(range(first, first + rows), pa.int64()),
        pa.array(words, pa.string()),
        pa.array([w and "long " + w for w in words], pa.large_string()),
        pa.array([None if w is None else len(w) << 40 for w in words], pa.int64()),
    ]
    table = pa.table([c if f.name == "n" else c.dictionary_encode().cast(f.type) for c, f in zip(columns, schema)], schema=schema)
    with ipc.new_file(f"{sys.argv[1]}/{shard}.arrow", schema) as w:
        w.write_table(table, max_chunksize=1000)
    first += rows

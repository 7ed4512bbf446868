"""Reads with polars and DuckDB what pyarrow reads: others.py HTTP LEASE AGREEMENT SHARDS SOURCE…

The stream and each .arrow file of an agreement, by each of the three; SOURCE are the
files that it was published from, none where the view is another table. Dictionaries
may change from shard to shard: values are compared, and the values' types."""
import io
import sys
import urllib.request

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.ipc as ipc

http, lease, agreement, shards, *files = sys.argv[1:]


def body(path):
    request = urllib.request.Request(f"{http}/api/v1/agreements/{agreement}/{path}", headers={"Authorization": "Bearer " + lease})
    return urllib.request.urlopen(request)


def plain(table):
    return pa.table([c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c for c in table.columns], names=table.column_names)


def rows(table):
    return list(zip(*(column.to_pylist() for column in table.columns))) if table.num_rows else []


def same(what, want, got, columns, names):
    assert list(names) == columns, (what, columns, names)
    assert got == want, (what, want[:5], got[:5], len(want), len(got))


def through_duckdb(reader):
    result = duckdb.sql("SELECT * FROM reader")
    return result.columns, result.fetchall()


def by_all(what, bytes_, want, columns, stream):
    """bytes_ is a whole stream or a whole file."""
    table = ipc.open_stream(bytes_).read_all() if stream else ipc.open_file(bytes_).read_all()
    same((what, "pyarrow"), want, rows(plain(table)), columns, table.column_names)
    frame = pl.read_ipc_stream(io.BytesIO(bytes_)) if stream else pl.read_ipc(io.BytesIO(bytes_))
    same((what, "polars"), want, frame.rows(), columns, frame.columns)
    reader = ipc.open_stream(bytes_) if stream else table
    names, got = through_duckdb(reader)
    same((what, "duckdb"), want, got, columns, names)


whole = body("stream").read()
if files:
    source = pa.concat_tables(plain(ipc.open_file(f).read_all()) for f in files)
else:
    source = plain(ipc.open_stream(whole).read_all())
columns = source.column_names
by_all("stream", whole, rows(source), columns, True)

# As users write it: straight from the connection.
frame = pl.read_ipc_stream(body("stream"))
same(("connection", "polars"), rows(source), frame.rows(), columns, frame.columns)
reader = ipc.open_stream(body("stream"))
names, got = through_duckdb(reader)
same(("connection", "duckdb"), rows(source), got, columns, names)

first = 0
for n in range(int(shards)):
    file = body(f"{n}.arrow").read()
    have = ipc.open_file(file).read_all().num_rows
    by_all(f"shard {n}", file, rows(source.slice(first, have)), columns, False)
    first += have
assert first == source.num_rows, (first, source.num_rows)
read = ipc.open_stream(whole)
read.read_all()
print("equal", source.num_rows, "replaced", read.stats.num_replaced_dictionaries, flush=True)

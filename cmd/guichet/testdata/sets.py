"""Compares streams with their sources: sets.py HTTP FLIGHT LEASE SETS

SETS is a JSON file of [{agreement, table, split, file, csv, pseudonyms}]. The sources
are read by others than us: CSV and Parquet by DuckDB, Arrow by pyarrow. Every table is
read over HTTP and over Flight by worlds of 1, 2, 3 and 8 ranks. Without a seed the
ranks, one after another, are the source in its order. With a seed they are its rows as
a multiset: every row once, none twice, also when an epoch goes on 8 -> 6 -> 3 -> 8."""
import concurrent.futures
import json
import sys
import time
import urllib.parse
import urllib.request

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.flight as fl
import pyarrow.ipc as ipc

http, address, lease, sets = sys.argv[1:5]
client = fl.connect("grpc://" + address)
options = fl.FlightCallOptions(headers=[(b"authorization", b"Bearer " + lease.encode())])
pool = concurrent.futures.ThreadPoolExecutor(4)


def over_http(agreement, rows, ask):
    url = f"{http}/api/v1/agreements/{agreement}/stream?{urllib.parse.urlencode(ask)}"
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + lease})
    with urllib.request.urlopen(request) as answer:
        reader = ipc.open_stream(answer)
        if rows is None:
            return reader.read_all()
        return first(reader.schema, iter(reader), rows)


def over_flight(agreement, rows, ask):
    path = [agreement] + [f"{k}={v}" for k, v in ask.items()]
    info = client.get_flight_info(fl.FlightDescriptor.for_path(*path), options)
    reader = client.do_get(info.endpoints[0].ticket, options)
    if rows is None:
        table = reader.read_all()
        assert info.total_records == table.num_rows, (ask, info.total_records, table.num_rows)
        return table
    table = first(reader.schema, (chunk.data for chunk in reader), rows)
    reader.cancel()
    return table


def first(schema, batches, rows):
    """What a job has consumed when it dies after so many rows."""
    taken, have = [], 0
    while have < rows:
        batch = next(batches)
        taken.append(batch)
        have += batch.num_rows
    return pa.Table.from_batches(taken, schema).slice(0, rows)


def plain(table):
    columns = [c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    return pa.table(columns, names=table.column_names)


def source(s, schema):
    """The file as others read it, in the types that were published."""
    file = s["file"]
    if file.endswith(".arrow"):
        return plain(ipc.open_file(file).read_all())
    if file.endswith(".parquet"):
        table = duckdb.read_parquet(file).to_arrow_table()
        hidden = s.get("pseudonyms") or []
        return table.cast(pa.schema([table.schema.field(f.name) if f.name in hidden else f for f in schema]))
    dialect = s.get("csv") or {}
    table = duckdb.read_csv(file, header=True, all_varchar=True, delimiter=dialect.get("delimiter", ","), quotechar='"', escapechar='"').to_arrow_table()
    assert table.column_names == schema.names, (table.column_names, schema.names)
    columns = []
    for field, column in zip(schema, table.columns):
        if dialect.get("decimalChar") == "," and pa.types.is_floating(field.type):
            column = pc.replace_substring(column, ",", ".")
        columns.append(column.cast(field.type))
    return pa.table(columns, schema=schema)


def translated(want, got, columns):
    """The source with pseudonyms in place of values: each value has one, no two the same."""
    for name in columns:
        pairs = pa.table([want[name], got[name]], names=["value", "pseudonym"]).group_by(["value", "pseudonym"]).aggregate([])
        for side in pairs.column_names:
            assert pc.count_distinct(pairs[side], mode="all").as_py() == pairs.num_rows, (name, side, "is not one to one")
        want = want.set_column(want.column_names.index(name), got.schema.field(name), got[name])
    return want


def same_order(what, want, got):
    assert got.num_rows == want.num_rows, (what, got.num_rows, want.num_rows)
    for name in want.column_names:
        assert got[name].equals(want[name]), (what, name)


def same_rows(what, want, got):
    assert got.num_rows == want.num_rows, (what, got.num_rows, want.num_rows)
    missing = duckdb.sql("SELECT * FROM want EXCEPT ALL SELECT * FROM got").fetchall()
    assert not missing, (what, len(missing), missing[:3])


def compare(s):
    ask = {"table": s["table"], "split": s["split"]}

    def read(door, rows=None, **more):
        return plain(door(s["agreement"], rows, {**ask, **more}))

    got = read(over_http)
    want = translated(source(s, got.schema), got, s.get("pseudonyms") or [])
    assert got.schema.equals(want.schema), (s, got.schema, want.schema)
    same_order("as published", want, got)

    rows, asked = want.num_rows, 0
    for world in (1, 2, 3, 8):
        for seed in ({}, {"seed": 11, "epoch": 2}):
            what = (s["table"], s["split"], world, seed)
            parts = {door: list(pool.map(lambda rank: read(door, world=world, rank=rank, **seed), range(world))) for door in (over_http, over_flight)}
            for rank, (a, b) in enumerate(zip(*parts.values())):
                same_order((what, rank, "HTTP and Flight"), a, b)
            lengths = [p.num_rows for p in parts[over_http]]
            assert max(lengths) - min(lengths) <= 1, (what, lengths)
            together = pa.concat_tables(parts[over_http])
            if seed:
                same_rows(what, want, together)
            else:
                same_order(what, want, together)
            asked += 2 * world

    for door in (over_http, over_flight):
        parts, start, left = [], {}, rows
        for world in (8, 6, 3, 8):
            # A part of each rank's share; what is left goes on over another world.
            take = left // world * 2 // 5 if len(start.get("start", "").split(",")) < 3 else None
            parts += pool.map(lambda rank: read(door, take, seed=11, order=2, epoch=3, world=world, rank=rank, **start), range(world))
            asked += world
            if take is not None:
                left -= take * world
                start = {"start": ",".join(filter(None, [start.get("start"), f"{take}@{world}"]))}
        same_rows((s["table"], "8-6-3-8"), want, pa.concat_tables(parts))
    return rows, asked


total, streams = 0, 0
for s in json.load(open(sets)):
    began = time.time()
    rows, asked = compare(s)
    total, streams = total + rows, streams + asked
    print(f"{s['name']}/{s['table']}/{s['split']}: {rows} rows, {asked} streams, {time.time() - began:.1f} s", flush=True)
print(f"equal {total} rows in {streams} streams", flush=True)

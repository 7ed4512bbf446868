"""Compares what ranks get with the source: equal.py HTTP FLIGHT LEASE AGREEMENT DIR

Worlds 1, 2, 3 and 8, and an epoch that is resumed 8 -> 6 -> 3 -> 8, over HTTP and
Flight: every row once, value for value."""
import glob
import sys
import urllib.parse
import urllib.request

import pyarrow as pa
import pyarrow.flight as fl
import pyarrow.ipc as ipc

http, address, lease, agreement, folder = sys.argv[1:6]
client = fl.connect("grpc://" + address)
options = fl.FlightCallOptions(headers=[(b"authorization", b"Bearer " + lease.encode())])


def over_http(**ask):
    url = f"{http}/api/v1/agreements/{agreement}/stream?{urllib.parse.urlencode(ask)}"
    request = urllib.request.Request(url, headers={"Authorization": "Bearer " + lease})
    with urllib.request.urlopen(request) as answer:
        return ipc.open_stream(answer).read_all()


def over_flight(**ask):
    path = [agreement] + [f"{k}={v}" for k, v in ask.items()]
    info = client.get_flight_info(fl.FlightDescriptor.for_path(*path), options)
    table = client.do_get(info.endpoints[0].ticket, options).read_all()
    assert info.total_records == table.num_rows, (ask, info.total_records, table.num_rows)
    assert info.schema.equals(table.schema), ask
    return table


def plain(table):
    columns = [c.cast(c.type.value_type) if pa.types.is_dictionary(c.type) else c for c in table.columns]
    return pa.table(columns, names=table.column_names).sort_by("n").combine_chunks()


source = plain(pa.concat_tables(ipc.open_file(f).read_all() for f in sorted(glob.glob(folder + "/*.arrow"))))


def check(what, parts):
    got = plain(pa.concat_tables(parts))
    assert got.num_rows == source.num_rows, (what, got.num_rows, source.num_rows)
    for name in source.column_names:
        assert got[name].equals(source[name]), (what, name)


for name, read in (("http", over_http), ("flight", over_flight)):
    for world in (1, 2, 3, 8):
        for seed in ({}, {"seed": 11}):
            check((name, world, seed), [read(world=world, rank=rank, **seed) for rank in range(world)])
    parts, start = [], {}
    for world, rows in ((8, 500), (6, 700), (3, 1000), (8, None)):
        for rank in range(world):
            part = read(seed=11, order=2, epoch=3, world=world, rank=rank, **start)
            parts.append(part if rows is None else part.slice(0, rows))
        if rows is not None:
            start = {"start": ",".join(filter(None, [start.get("start"), f"{rows}@{world}"]))}
    check((name, "8-6-3-8"), parts)
print("equal", source.num_rows, flush=True)

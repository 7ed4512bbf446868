"""Reads one column of each type through a door with a reader that people have.

Usage: clients.py make FILE          writes the types as one Arrow file; prints {column: type}
       clients.py versions          prints the readers' versions as JSON
       clients.py READER DOOR       prints {column: "yes" | "as TYPE" | "no (WHY)"} as JSON

In the environment: BASE, TOKEN and AGREEMENT; FLIGHT; for S3 ENDPOINT and KEYS, a JSON object of
column: [key id, secret] whose leases show id and that column; FILE, what "make" wrote. A reader
reads a column where it gives back the values that the file has.
"""
import datetime
import decimal
import io
import json
import os
import sys
import urllib.parse
import urllib.request
import uuid

import pyarrow as pa
import pyarrow.ipc as ipc

E = os.environ


def made():
    day = datetime.date(2026, 11, 29)
    at = datetime.datetime(2026, 11, 29, 8, 30, tzinfo=datetime.timezone.utc)
    d = decimal.Decimal
    of = {
        "bool": pa.array([True, None, False]),
        "int8": pa.array([1, None, -128], pa.int8()),
        "int64": pa.array([1, None, -(2**63)], pa.int64()),
        "uint64": pa.array([1, None, 2**64 - 1], pa.uint64()),
        "float16": pa.array([1.5, None, -2.0], pa.float16()),
        "float32": pa.array([1.5, None, -2.0], pa.float32()),
        "float64": pa.array([1.5, None, -2.0], pa.float64()),
        "decimal128(10, 2)": pa.array([d("1.50"), None, d("-2.00")], pa.decimal128(10, 2)),
        "decimal256(60, 5)": pa.array([d("1.50000"), None, d("-2.00000")], pa.decimal256(60, 5)),
        "string": pa.array(["a", None, "é"]),
        "large_string": pa.array(["a", None, "é"], pa.large_string()),
        "binary": pa.array([b"a", None, b"\xff"], pa.binary()),
        "fixed_size_binary[4]": pa.array([b"abcd", None, b"\xff\0\0\1"], pa.binary(4)),
        "date32": pa.array([day, None, day], pa.date32()),
        "time64[us]": pa.array([datetime.time(8, 30), None, datetime.time(23, 59, 59)], pa.time64("us")),
        "timestamp[us, UTC]": pa.array([at, None, at], pa.timestamp("us", "UTC")),
        "timestamp[ns]": pa.array([1, None, 10**18], pa.timestamp("ns")),
        "duration[ms]": pa.array([1, None, -5], pa.duration("ms")),
        "month_day_nano_interval": pa.array([(1, 2, 3), None, (0, 0, 1)], pa.month_day_nano_interval()),
        "dictionary of string": pa.array(["a", None, "a"]).dictionary_encode(),
        "list of int64": pa.array([[1, None], None, []], pa.list_(pa.int64())),
        "fixed_size_list of float32[2]": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.float32(), 2)),
        "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}], pa.struct([("a", pa.int64()), ("b", pa.string())])),
        "map of string to int64": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        "arrow.uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0123456789abcdef", None, b"\xff" * 16], pa.binary(16))),
        "arrow.json": pa.ExtensionArray.from_storage(pa.json_(pa.utf8()), pa.array(['{"a": 1}', None, "[]"])),
        "arrow.fixed_shape_tensor": pa.ExtensionArray.from_storage(
            pa.fixed_shape_tensor(pa.float32(), [2, 2]), pa.array([[1, 2, 3, 4]] * 3, pa.list_(pa.float32(), 4))),
    }
    return pa.table({"id": pa.array(range(3)), **{f"c{i:02}": a for i, a in enumerate(of.values())}}), list(of)


def get(path, **query):
    url = f"{E['BASE']}/api/v1/agreements/{E['AGREEMENT']}/{path}?{urllib.parse.urlencode(query)}"
    return urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": f"Bearer {E['TOKEN']}"}))


def keys(column):
    return json.loads(E["KEYS"])[column]


def s3_file(column):
    import pyarrow.fs as fs
    key, secret = keys(column)
    s3 = fs.S3FileSystem(access_key=key, secret_key=secret, endpoint_override=E["ENDPOINT"], region="us-east-1")
    return s3.open_input_file(f"{E['AGREEMENT']}/v1/data/all/00000.arrow")


def flight(column):
    import pyarrow.flight as fl
    client = fl.connect(E["FLIGHT"])
    options = fl.FlightCallOptions(headers=[(b"authorization", b"Bearer " + E["TOKEN"].encode())])
    info = client.get_flight_info(fl.FlightDescriptor.for_path(E["AGREEMENT"], f"columns=id,{column}"), options)
    return client.do_get(info.endpoints[0].ticket, options).read_all()


def arrow(door, column):
    """The table as pyarrow reads it."""
    if door == "stream":
        return ipc.open_stream(get("stream", columns="id," + column)).read_all()
    if door == "file":
        return ipc.open_file(pa.BufferReader(get("0.arrow", columns="id," + column).read())).read_all()
    if door == "S3":
        return ipc.open_file(s3_file(column)).read_all()
    return flight(column)


def pyarrow_(door, column):
    t = arrow(door, column)
    t.validate(full=True)
    return t


def pandas_(door, column):
    import pandas as pd
    if door == "file":
        pd.read_feather(io.BytesIO(get("0.arrow", columns="id," + column).read()))
    else:
        arrow(door, column).to_pandas()
    return arrow(door, column)  # pandas has types of its own: that it reads is what is asked


def polars_(door, column):
    import polars as pl
    if door == "stream":
        t = pl.read_ipc_stream(get("stream", columns="id," + column))
    elif door == "file":
        t = pl.read_ipc(get("0.arrow", columns="id," + column).read())
    else:
        key, secret = keys(column)
        t = pl.scan_ipc(f"s3://{E['AGREEMENT']}/v1/data/all/00000.arrow", storage_options={
            "aws_access_key_id": key, "aws_secret_access_key": secret, "aws_endpoint_url": E["ENDPOINT"], "aws_region": "us-east-1",
            "aws_allow_http": "true"}).collect()
    return t.to_arrow()


def duckdb_(door, column):
    import duckdb
    con = duckdb.connect()
    con.register("t", ipc.open_stream(get("stream", columns="id," + column)) if door == "stream" else arrow(door, column))
    return con.execute("SELECT * FROM t").to_arrow_table()


def datasets_(door, column):
    import datasets
    import tempfile
    datasets.disable_progress_bars()
    url = f"{E['BASE']}/api/v1/agreements/{E['AGREEMENT']}/" + ("stream" if door == "stream" else "0.arrow")
    headers = {"Authorization": f"Bearer {E['TOKEN']}"}
    with tempfile.TemporaryDirectory() as cache:
        d = datasets.load_dataset(
            "arrow", data_files=url + "?" + urllib.parse.urlencode({"columns": "id," + column}), split="train", streaming=True,
            cache_dir=cache, storage_options={"http": {"client_kwargs": {"headers": headers}}})
        return pa.concat_tables(pa.table(t.to_pydict()) if not isinstance(t, pa.Table) else t for t in d.with_format("arrow").iter(1000))


READERS = {"pyarrow": pyarrow_, "pandas": pandas_, "polars": polars_, "DuckDB": duckdb_, "datasets": datasets_}


def plain(values):
    """Values as other types have them too: a UUID as its text, an interval without months as a duration."""
    out = []
    for v in values:
        if isinstance(v, uuid.UUID):
            v = str(v)
        if isinstance(v, pa.MonthDayNano) and v.months == 0 and v.nanoseconds % 1000 == 0:
            v = datetime.timedelta(days=v.days, microseconds=v.nanoseconds // 1000)
        out.append(v)
    return out


def judged(reader, door, column, want):
    try:
        got = READERS[reader](door, column)
        if got.num_rows != 3:
            return f"no ({got.num_rows} of 3 rows)"
        have = got[column]
        if have.type == want.type and have.to_pylist() == want.to_pylist():
            return "yes"
        stored = want.combine_chunks()
        stored = stored.storage if isinstance(stored, pa.ExtensionArray) else stored
        if plain(have.to_pylist()) in (plain(want.to_pylist()), stored.to_pylist()):
            return "yes" if have.type == want.type else f"as {have.type}"
        return f"as {have.type}, other values" if have.type != want.type else "no (other values)"
    except BaseException as e:  # polars panics
        return f"no ({type(e).__name__})"


if __name__ == "__main__":
    if sys.argv[1] == "make":
        t, types = made()
        with ipc.new_file(sys.argv[2], t.schema) as w:
            w.write_table(t)
        print(json.dumps(dict(zip(t.column_names[1:], types))))
    elif sys.argv[1] == "versions":
        import importlib.metadata as m
        print(json.dumps({n: m.version(n) for n in ("pyarrow", "pandas", "polars", "duckdb", "datasets")}))
    else:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 2)  # polars prints its panics
        table = ipc.open_file(E["FILE"]).read_all()
        print(json.dumps({c: judged(sys.argv[1], sys.argv[2], c, table[c]) for c in table.column_names[1:]}))

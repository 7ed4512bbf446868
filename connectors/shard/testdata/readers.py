"""Opens published files with the readers that are installed.

stdin: paths of published files; stdout: one JSON line each: {reader: null or why not}.
A reader opens a column where it gives back the values that pyarrow reads."""

import io
import json
import os
import sys

import pyarrow as pa

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "shardtest", "testdata"))
from equal import same  # noqa: E402

readers = {}
try:
    import polars as pl

    readers["polars"] = lambda b, t: pl.read_ipc(io.BytesIO(b)).to_arrow()
except ImportError:
    pass
try:
    import duckdb

    def through_duckdb(b, t):
        con = duckdb.connect()
        con.register("t", t)
        return con.execute("SELECT * FROM t").to_arrow_table()

    readers["DuckDB"] = through_duckdb
except ImportError:
    pass
try:
    import pandas  # noqa: F401

    def through_pandas(b, t):
        t.to_pandas()
        return t

    readers["pandas"] = through_pandas
except ImportError:
    pass

quiet = os.open(os.devnull, os.O_WRONLY)
os.dup2(quiet, 2)  # polars prints its panics
for line in sys.stdin:
    with open(line.rstrip("\n"), "rb") as f:
        b = f.read()
    t = pa.ipc.open_file(pa.BufferReader(b)).read_all()
    r = {}
    for name, read in readers.items():
        try:
            got = read(b, t)
            r[name] = None
            if same(t["x"], got["x"]):
                r[name] = "other values" if t["x"].type == got["x"].type else f"as {got['x'].type}"
        except BaseException as e:  # noqa: BLE001 (polars panics)
            r[name] = type(e).__name__
    print(json.dumps(r), flush=True)

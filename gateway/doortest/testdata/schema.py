"""Reads the schema of an agreement's stream as clients do: schema.py WHAT HTTP FLIGHT LEASE AGREEMENT

WHAT schema: by pyarrow, polars and DuckDB with schema=only, held against the manifest and
Flight's GetSchema. WHAT rows: against the stream itself, which is opened once."""
import base64
import json
import sys
import urllib.request

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.flight as fl
import pyarrow.ipc as ipc

what, http, flight, lease, agreement = sys.argv[1:]


def body(path):
    request = urllib.request.Request(f"{http}/api/v1/agreements/{agreement}/{path}", headers={"Authorization": "Bearer " + lease})
    return urllib.request.urlopen(request)


answer = body("stream?schema=only")
assert answer.headers["Content-Type"] == "application/vnd.apache.arrow.stream" and answer.headers["Guichet-Rows"] == "0"
assert answer.headers["Guichet-Release"] is None
alone = answer.read()
reader = ipc.open_stream(alone)
schema = reader.schema
assert reader.read_all().num_rows == 0

if what == "rows":
    whole = body("stream").read()
    assert whole.startswith(alone[:-8]) and whole.endswith(alone[-8:])
    table = ipc.open_stream(whole).read_all()
    assert table.schema.equals(schema, check_metadata=True) and table.num_rows > 0
else:
    (split,) = json.load(body("manifest"))["tables"]
    listed = ipc.read_schema(pa.py_buffer(base64.b64decode(split["schema"])))
    assert listed.equals(schema, check_metadata=True), (listed, schema)
    assert [c["name"] for c in split["columns"]] == schema.names

    options = fl.FlightCallOptions(headers=[(b"authorization", b"Bearer " + lease.encode())])
    descriptor = fl.FlightDescriptor.for_path(agreement)
    assert fl.connect("grpc://" + flight).get_schema(descriptor, options).schema.equals(schema, check_metadata=True)

    one = ipc.open_stream(body("stream?schema=only&columns=n"))  # straight from the connection
    assert one.schema.names == ["n"], one.schema
    assert pl.read_ipc_stream(body("stream?schema=only")).columns == schema.names
    rows = ipc.open_stream(body("stream?schema=only&seed=7&world=2&rank=1&even=drop"))
    result = duckdb.sql("SELECT * FROM rows")
    assert result.columns == schema.names and result.fetchall() == []
print("same", schema.names, flush=True)

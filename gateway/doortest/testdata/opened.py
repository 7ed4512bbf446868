"""Every type, by writers that are not ours, through every door.

opened.py write DIR
  writes arrow.arrows, parquet.parquet, lz4.parquet and duckdb.parquet: a column for each
  type, and extension names over storage that their definition forbids.
opened.py read HTTP FLIGHT LEASE AGREEMENT SOURCE
  opens the stream, the shard's file and Flight with pyarrow, validates them in full, and
  compares them with each other, and their rows and columns with the source's."""

import os
import sys
import urllib.request

import pyarrow as pa
import pyarrow.flight as fl
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../connectors/shard/testdata"))

FORBIDDEN = {
    "json over binary": ("arrow.json", "", pa.binary()),
    "uuid over text": ("arrow.uuid", "", pa.string()),
    "bool8 over int32": ("arrow.bool8", "", pa.int32()),
    "tensor of another size": ("arrow.fixed_shape_tensor", '{"shape":[3]}', pa.list_(pa.float32(), 4)),
    "opaque without names": ("arrow.opaque", "", pa.binary()),
}


def write(folder):
    import duckdb
    from write import pyarrow_types

    every = pyarrow_types()
    rows = len(next(iter(every.values())))
    parquet = {k: v for k, v in every.items() if not k.startswith(("month_day", "run_end"))}
    fields = [pa.field(k, v.type) for k, v in every.items()]
    arrays = list(every.values())
    for k, (name, data, t) in FORBIDDEN.items():
        fields.append(pa.field(k, t, metadata={"ARROW:extension:name": name, "ARROW:extension:metadata": data}))
        arrays.append(pa.nulls(rows, t))
    with ipc.new_stream(os.path.join(folder, "arrow.arrows"), pa.schema(fields)) as w:
        w.write_batch(pa.record_batch(arrays, schema=pa.schema(fields)))
    pq.write_table(pa.table(parquet), os.path.join(folder, "parquet.parquet"))
    pq.write_table(pa.table(parquet), os.path.join(folder, "lz4.parquet"), compression="lz4", data_page_version="2.0", use_byte_stream_split=False)
    duckdb.sql(f"""COPY (SELECT i, '{{"a": 1}}'::JSON AS json, ('POINT(1 ' || i || ')')::GEOMETRY AS shape, i::VARIANT AS variant, uuid() AS id,
        [i, NULL] AS list, MAP {{'k': i}} AS map, INTERVAL (i) HOUR AS span, i::DECIMAL(9, 2) AS price FROM range(1000) t(i)
    ) TO '{folder}/duckdb.parquet' (FORMAT parquet, PARQUET_VERSION V2, GEOPARQUET_VERSION 'NONE')""")


def read(http, address, lease, agreement, source):
    def body(path):
        request = urllib.request.Request(f"{http}/api/v1/agreements/{agreement}/{path}", headers={"Authorization": "Bearer " + lease})
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    client = fl.connect("grpc://" + address)
    options = fl.FlightCallOptions(headers=[(b"authorization", b"Bearer " + lease.encode())])
    info = client.get_flight_info(fl.FlightDescriptor.for_path(agreement), options)
    doors = {
        "stream": ipc.open_stream(body("stream")).read_all(),
        "file": ipc.open_file(body("0.arrow")).read_all(),
        "flight": client.do_get(info.endpoints[0].ticket, options).read_all(),
    }
    # pyarrow does not open arrow.arrows itself: it has the names that their definition forbids.
    want = doors["stream"] if source.endswith(".arrows") else pq.read_table(source)
    assert info.schema.equals(doors["flight"].schema)
    for name, table in doors.items():
        table.validate(full=True)
        assert table.schema.equals(doors["stream"].schema, check_metadata=True), name
        assert table.column_names == want.column_names and table.num_rows == want.num_rows, name
        for column in table.column_names:
            got, first = table[column].combine_chunks(), doors["stream"][column].combine_chunks()
            assert got.to_string(window=10) == first.to_string(window=10), (name, column)
            if column in FORBIDDEN:
                assert not isinstance(table.schema.field(column).type, pa.BaseExtensionType) and not table.schema.field(column).metadata, (name, column)
    assert table.num_rows == 1000 and (not source.endswith(".arrows") or set(FORBIDDEN) < set(table.column_names))
    print("opened", table.num_columns, table.num_rows, flush=True)


{"write": write, "read": read}[sys.argv[1]](*sys.argv[2:])

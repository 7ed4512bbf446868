#!/usr/bin/env bash
# pyarrow 26.0.1, Arrow Flight: FlightStreamReader.read_all() and read_pandas() end at a
# message that carries metadata alone. Rows that come after it are lost, and no error is
# raised. to_reader().read_all() and read_chunk() give them all.
#
# Sent: 2 rows, a message of metadata alone (FlightMetadata, valid by Flight.proto), 3 rows.
# Good sense: 5 rows by every way of reading.
# Seen: read_all 2, to_reader 5, read_chunk 5.
# For who serves Flight: send no message that has metadata alone inside a stream.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install -q --disable-pip-version-check pyarrow==26.0.1
cat > "$dir/seen.py" <<'PY'
import pyarrow as pa
import pyarrow.flight as flight

schema = pa.schema([("n", pa.int64())])

class Server(flight.FlightServerBase):
    def do_exchange(self, context, descriptor, reader, writer):
        writer.begin(schema)
        writer.write_batch(pa.record_batch([pa.array([0, 1])], schema=schema))
        writer.write_metadata(b"half way")
        writer.write_batch(pa.record_batch([pa.array([2, 3, 4])], schema=schema))

server = Server("grpc://127.0.0.1:0")
client = flight.connect(f"grpc://127.0.0.1:{server.port}")
writers = []

def opened():
    writer, reader = client.do_exchange(flight.FlightDescriptor.for_command(b"all"))
    writers.append(writer)
    return reader

def chunks(reader):
    rows = 0
    while True:
        try:
            chunk = reader.read_chunk()
        except StopIteration:
            return rows
        rows += chunk.data.num_rows if chunk.data is not None else 0

print("read_all", opened().read_all().num_rows, "to_reader", opened().to_reader().read_all().num_rows, "read_chunk", chunks(opened()))
PY
seen=$("$dir/venv/bin/python" "$dir/seen.py")
echo "$seen"
[ "$seen" = "read_all 2 to_reader 5 read_chunk 5" ]

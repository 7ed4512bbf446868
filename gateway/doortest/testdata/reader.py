"""Reads a stream as a user of pyarrow would: reader.py http|flight ADDRESS LEASE AGREEMENT

Says "first" after the first batch, waits for a line, reads the rest, says how many
rows there were. Any error ends it with a traceback."""
import sys
import urllib.request

import pyarrow.flight as fl
import pyarrow.ipc as ipc

kind, address, lease, agreement = sys.argv[1:5]
if kind == "http":
    request = urllib.request.Request(f"{address}/api/v1/agreements/{agreement}/stream", headers={"Authorization": "Bearer " + lease})
    batches = iter(ipc.open_stream(urllib.request.urlopen(request)))
else:
    client = fl.connect("grpc://" + address)
    options = fl.FlightCallOptions(headers=[(b"authorization", b"Bearer " + lease.encode())])
    info = client.get_flight_info(fl.FlightDescriptor.for_path(agreement), options)
    batches = (chunk.data for chunk in client.do_get(info.endpoints[0].ticket, options))
rows = next(batches).num_rows
print("first", flush=True)
sys.stdin.readline()
rows += sum(batch.num_rows for batch in batches)
print(rows, flush=True)

#!/usr/bin/env bash
# polars 2.1.0 writes Arrow IPC files whose first message has no marker and no length: only
# the footer has a schema that can be read. The format says that a file is a stream between
# two magic strings, so a reader that skips the magic and reads a stream must succeed; with
# a file of polars it fails, with the same table written by pyarrow 26.0.1 it does not.
#
# Good sense: both read alike. Seen: polars' raises "Invalid flatbuffers message.", pyarrow's
# gives 2 rows; both open by their footers.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install -q --disable-pip-version-check pyarrow==26.0.1 polars==2.1.0
cat > "$dir/seen.py" <<'PY'
import os, sys
import polars as pl, pyarrow as pa, pyarrow.ipc as ipc

os.chdir(sys.argv[1])
frame = pl.DataFrame({"a": ["x", "y"]})
frame.write_ipc("polars.arrow")
with ipc.new_file("pyarrow.arrow", frame.to_arrow().schema) as out:
    out.write_table(frame.to_arrow())
for name in ["polars", "pyarrow"]:
    b = open(name + ".arrow", "rb").read()
    try:
        front = ipc.open_stream(pa.py_buffer(b[8:])).read_all().num_rows
    except OSError as e:
        front = str(e)
    print(f"{name}: by the footer {ipc.open_file(pa.py_buffer(b)).read_all().num_rows}, from the front {front}")
PY
seen=$("$dir/venv/bin/python" "$dir/seen.py" "$dir")
echo "$seen"
[ "$seen" = "polars: by the footer 2, from the front Invalid flatbuffers message.
pyarrow: by the footer 2, from the front 2" ]

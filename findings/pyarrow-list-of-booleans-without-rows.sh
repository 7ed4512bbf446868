#!/usr/bin/env bash
# pyarrow 26.0.1 reads 0 rows, without an error, from a file that it wrote itself: one row
# with a list of two booleans, data page version 2.0, a small page size. The footer says 1
# row, polars 2.1.0 reads it. With page version 1.0, with the default page size, and with
# integers in the list, pyarrow reads the row.
#
# Good sense: the row, or an error, since the footer counts it.
# Seen: version 1.0 1 row, version 2.0 0 rows of 1 by the footer, polars 1.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install -q --disable-pip-version-check pyarrow==26.0.1 polars==2.1.0
cat > "$dir/seen.py" <<'PY'
import os, sys
import polars as pl, pyarrow as pa, pyarrow.parquet as pq

os.chdir(sys.argv[1])
table = pa.table({"x": pa.array([[False, True]], pa.list_(pa.bool_()))})
for version in ["1.0", "2.0"]:
    pq.write_table(table, "t.parquet", data_page_version=version, data_page_size=64)
    print(f"{version}: pyarrow {pq.read_table('t.parquet').num_rows} of {pq.ParquetFile('t.parquet').metadata.num_rows}, polars {pl.read_parquet('t.parquet').height}")
PY
seen=$("$dir/venv/bin/python" "$dir/seen.py" "$dir")
echo "$seen"
[ "$seen" = "1.0: pyarrow 1 of 1, polars 1
2.0: pyarrow 0 of 1, polars 1" ]

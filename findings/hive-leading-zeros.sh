#!/usr/bin/env bash
# Columns in paths (Hive layout): for plz=01067/ and plz=20095/, both of them postcodes,
# pyarrow 26.0.1 and polars 2.1.0 read a number and lose the leading zero, without a word;
# DuckDB 2.0.1 reads text and keeps it. The same folder is two different tables.
#
# Good sense: text, since 01067 does not read back from a number; or one answer from all.
# Seen: pyarrow 1067 (int32), polars 1067 (Int64), DuckDB '01067' (VARCHAR).
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install -q --disable-pip-version-check pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.1
cat > "$dir/seen.py" <<'PY'
import os, sys
import duckdb, polars as pl, pyarrow as pa, pyarrow.dataset as ds, pyarrow.parquet as pq

os.chdir(sys.argv[1])
for code in ["01067", "20095"]:
    os.makedirs(f"table/plz={code}")
    pq.write_table(pa.table({"x": [1]}), f"table/plz={code}/part.parquet")
by_pyarrow = ds.dataset("table", partitioning="hive").to_table()["plz"]
by_polars = pl.scan_parquet("table", hive_partitioning=True).collect()["plz"]
by_duckdb = duckdb.sql("SELECT plz FROM read_parquet('table/**/*.parquet', hive_partitioning = true) ORDER BY plz")
print("pyarrow", by_pyarrow.type, sorted(by_pyarrow.to_pylist()), "polars", by_polars.dtype, sorted(by_polars.to_list()),
      "duckdb", by_duckdb.types[0], [r[0] for r in by_duckdb.fetchall()])
PY
seen=$("$dir/venv/bin/python" "$dir/seen.py" "$dir")
echo "$seen"
[ "$seen" = "pyarrow int32 [1067, 20095] polars Int64 [1067, 20095] duckdb VARCHAR ['01067', '20095']" ]

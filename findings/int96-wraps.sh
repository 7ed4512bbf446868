#!/usr/bin/env bash
# Parquet's INT96 timestamps, which Spark writes by default, hold any year. pyarrow 26.0.1
# reads them as nanoseconds and wraps what does not fit, without an error: year 9999, which
# many tables use for "no end", becomes 1816, and 1500 becomes 2084. Its own writer, given
# microseconds, writes the right bytes; polars 2.1.0 and DuckDB 2.0.1 read the right dates.
#
# Good sense: the dates that were written, or an error.
# Seen: pyarrow 1816 and 2084; with coerce_int96_timestamp_unit="us" 9999 and 1500.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install -q --disable-pip-version-check pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.1
cat > "$dir/seen.py" <<'PY'
import datetime, os, sys
import duckdb, polars as pl, pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq

os.chdir(sys.argv[1])
dates = [datetime.datetime(9999, 12, 31), datetime.datetime(1500, 1, 1)]
pq.write_table(pa.table({"x": pa.array(dates, pa.timestamp("us"))}), "t.parquet", use_deprecated_int96_timestamps=True)
year = lambda table: pc.year(table["x"]).to_pylist()
print("pyarrow", year(pq.read_table("t.parquet")), "with a unit", year(pq.read_table("t.parquet", coerce_int96_timestamp_unit="us")),
      "polars", [d.year for d in pl.read_parquet("t.parquet")["x"]], "duckdb", [r[0].year for r in duckdb.sql("FROM 't.parquet'").fetchall()])
PY
seen=$("$dir/venv/bin/python" "$dir/seen.py" "$dir")
echo "$seen"
[ "$seen" = "pyarrow [1816, 2084] with a unit [9999, 1500] polars [9999, 1500] duckdb [9999, 1500]" ]

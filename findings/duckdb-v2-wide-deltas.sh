#!/usr/bin/env bash
# DuckDB 2.0.1 with PARQUET_VERSION v2 writes INTEGER columns by deltas. Where two values
# stand further apart than 2^31, as the least and the greatest integer do, it writes deltas
# of more than 32 bits into a column of 32 bits. pyarrow 26.0.1 refuses the file, polars
# 2.1.0 and DuckDB read it. As BIGINT, or with version v1, everybody reads the same values.
#
# Good sense: deltas in the column's own 32 bits, which wrap, as the encoding has it.
# Seen: v2 INTEGER pyarrow raises OSError, polars and DuckDB 5000 rows; the other two 5000.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install -q --disable-pip-version-check pyarrow==26.0.1 polars==2.1.0 duckdb==2.0.1
cat > "$dir/seen.py" <<'PY'
import os, sys
import duckdb, polars as pl, pyarrow.parquet as pq

os.chdir(sys.argv[1])
for version, kind in [("v2", "INTEGER"), ("v2", "BIGINT"), ("v1", "INTEGER")]:
    duckdb.sql(f"""COPY (SELECT (CASE WHEN i % 2 = 0 THEN -2147483648 + (i / 2)::INTEGER ELSE 2147483647 - (i / 2)::INTEGER END)::{kind} AS x
        FROM range(5000) t(i)) TO 't.parquet' (FORMAT parquet, PARQUET_VERSION {version})""")
    try:
        theirs = pq.read_table("t.parquet").num_rows
    except OSError as e:
        theirs = type(e).__name__
    print(version, kind, "pyarrow", theirs, "polars", pl.read_parquet("t.parquet").height, "duckdb", len(duckdb.sql("FROM 't.parquet'").fetchall()))
PY
seen=$("$dir/venv/bin/python" "$dir/seen.py" "$dir")
echo "$seen"
[ "$seen" = "v2 INTEGER pyarrow OSError polars 5000 duckdb 5000
v2 BIGINT pyarrow 5000 polars 5000 duckdb 5000
v1 INTEGER pyarrow 5000 polars 5000 duckdb 5000" ]

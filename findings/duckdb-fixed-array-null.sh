#!/usr/bin/env bash
# DuckDB 2.0.1 writes a Parquet file that others cannot read when a row of a fixed-size
# ARRAY column is null: for the null row it writes an entry for each of the array's
# elements, as if a list that is null had more members. pyarrow 26.0.1 refuses the column;
# DuckDB reads its own file. Cast to a list, the same rows are right.
#
# Good sense: one entry for the null row, as the Parquet format's nested encoding has it.
# Seen: pyarrow raises ArrowInvalid "Length spanned by list offsets (11) larger than values
# array (length 10)" for INTEGER[2], reads 6 rows for INTEGER[].
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install -q --disable-pip-version-check pyarrow==26.0.1 duckdb==2.0.1
cat > "$dir/seen.py" <<'PY'
import os, sys
import duckdb, pyarrow as pa, pyarrow.parquet as pq

os.chdir(sys.argv[1])
for name, cast in {"array": "", "list": "::INTEGER[]"}.items():
    duckdb.sql(f"COPY (SELECT CASE WHEN i = 0 THEN NULL ELSE [i, NULL]::INTEGER[2]{cast} END AS x FROM range(6) t(i)) TO '{name}.parquet' (FORMAT parquet)")
    own = len(duckdb.sql(f"FROM '{name}.parquet'").fetchall())
    try:
        theirs = len(pq.read_table(f"{name}.parquet"))
    except pa.ArrowInvalid as e:
        theirs = str(e)
    print(f"{name}: duckdb {own}, pyarrow {theirs}")
PY
seen=$("$dir/venv/bin/python" "$dir/seen.py" "$dir")
echo "$seen"
[ "$seen" = "array: duckdb 6, pyarrow Length spanned by list offsets (11) larger than values array (length 10)
list: duckdb 6, pyarrow 6" ]

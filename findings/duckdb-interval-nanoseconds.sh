#!/usr/bin/env bash
# DuckDB 2.0.1 takes Arrow's month_day_nano_interval and gives it back with its nanoseconds
# cut to whole microseconds, without an error or a warning: 1,234 ns come back as 1,000 ns.
#
# Good sense: the value, or an error, as a query that only passes a column on changes none.
# Seen: in 1 month, 2 days, 1234 ns; out 1 month, 2 days, 1000 ns, of the same Arrow type.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/python" -m pip install -q --disable-pip-version-check pyarrow==26.0.1 duckdb==2.0.1
cat > "$dir/seen.py" <<'PY'
import duckdb, pyarrow as pa

given = pa.table({"x": pa.array([(1, 2, 1234)], pa.month_day_nano_interval())})
back = duckdb.sql("SELECT x FROM given").to_arrow_table()
print(back.schema.field("x").type, tuple(given["x"][0].as_py()), tuple(back["x"][0].as_py()))
PY
seen=$("$dir/venv/bin/python" "$dir/seen.py")
echo "$seen"
[ "$seen" = "month_day_nano_interval (1, 2, 1234) (1, 2, 1000)" ]

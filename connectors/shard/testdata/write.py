"""Writes Parquet and Arrow files as real writers do, one type a file, with the defaults
and with each option of codec, encoding, page version and layout.

argument: a folder; stdout: "#" TAB versions, then lines of PATH TAB WRITER TAB OPTION TAB TYPE, where a writer
refuses a type itself "-" TAB … TAB reason. Every column has nulls first, in the middle
and last; values are the same at each run.
"""

import datetime as dt
import decimal
import os
import sys
import uuid
import warnings

import pyarrow as pa
import pyarrow.parquet as pq

warnings.simplefilter("ignore")
ROWS = 1000


def number(i):
    """A number of 31 bits that looks random."""
    x = (i + 1) * 2654435761 % 2**32
    x ^= x >> 15
    return x * 2246822519 % 2**31


def null(i):
    return i in (0, 1, 500, ROWS - 1) or number(i) % 11 == 0


def column(t, value, nulls=True):
    return pa.array([None if nulls and null(i) else value(i) for i in range(ROWS)], t)


def words(i):
    return ["", "a", "žemė", "łódź 城", "x" * 40, "red", "green"][number(i) % 7] + (str(number(i) % 50) if i % 3 else "")


def moment(i, per):
    return (number(i) * 1000 - 2**31 * 300) * per // 10**6 + number(i + 7) % per


def pyarrow_types():
    D = decimal.Decimal
    ext = pa.ExtensionArray.from_storage
    t = {}
    t["bool"] = column(pa.bool_(), lambda i: number(i) % 3 == 0)
    for n in (8, 16, 32, 64):
        t[f"int{n}"] = column(getattr(pa, f"int{n}")(), lambda i: number(i) * number(i + 1) % 2**n - 2 ** (n - 1))
        t[f"uint{n}"] = column(getattr(pa, f"uint{n}")(), lambda i: number(i) * number(i + 1) * 5 % 2**n)
    t["int64, no nulls"] = column(pa.int64(), lambda i: number(i) ** 2, False)
    t["float16"] = column(pa.float32(), lambda i: number(i) % 2000 / 16).cast(pa.float16())
    t["float32"] = column(pa.float32(), lambda i: number(i) / 7)
    t["float64"] = column(pa.float64(), lambda i: float("nan") if i % 97 == 0 else number(i) / 3)
    t["decimal32(7, 2)"] = column(pa.decimal32(7, 2), lambda i: D(number(i) % 10**7 - 10**6) / 100)
    t["decimal64(15, 3)"] = column(pa.decimal64(15, 3), lambda i: D(number(i) * 300 - 10**11) / 1000)
    t["decimal128(9, 2)"] = column(pa.decimal128(9, 2), lambda i: D(number(i) % 10**9 - 10**8) / 100)
    t["decimal128(38, 9)"] = column(pa.decimal128(38, 9), lambda i: (D(number(i)) * 10**18 - 10**26).scaleb(-9))
    t["decimal256(10, 2)"] = column(pa.decimal256(10, 2), lambda i: D(number(i)) / 100)
    t["decimal256(70, 5)"] = column(pa.decimal256(70, 5), lambda i: D(number(i)).scaleb(40))
    t["string"] = column(pa.string(), words)
    t["large_string"] = column(pa.large_string(), words)
    t["string_view"] = column(pa.string_view(), words)
    t["binary"] = column(pa.binary(), lambda i: number(i).to_bytes(number(i) % 5 + 4, "big"))
    t["large_binary"] = column(pa.large_binary(), lambda i: number(i).to_bytes(4, "big"))
    t["binary_view"] = column(pa.binary_view(), lambda i: number(i).to_bytes(8, "big") * (i % 4))
    t["fixed_size_binary(5)"] = column(pa.binary(5), lambda i: number(i).to_bytes(5, "big"))
    t["date32"] = column(pa.date32(), lambda i: number(i) % 40000 - 9000)
    t["date64"] = column(pa.int64(), lambda i: (number(i) % 40000 - 9000) * 86400000).view(pa.date64())
    for u, per in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        t[f"timestamp[{u}]"] = column(pa.timestamp(u), lambda i: moment(i, per))
        t[f"duration[{u}]"] = column(pa.duration(u), lambda i: moment(i, per))
    t["timestamp[us, UTC]"] = column(pa.timestamp("us", "UTC"), lambda i: moment(i, 10**6))
    t["timestamp[ms, Europe/Riga]"] = column(pa.timestamp("ms", "Europe/Riga"), lambda i: moment(i, 10**3))
    t["time32[s]"] = column(pa.time32("s"), lambda i: number(i) % 86400)
    t["time32[ms]"] = column(pa.time32("ms"), lambda i: number(i) % 86400000)
    t["time64[us]"] = column(pa.time64("us"), lambda i: number(i) * 40 % 86400000000)
    t["time64[ns]"] = column(pa.time64("ns"), lambda i: number(i) * 40000 % 86400000000000)
    t["month_day_nano_interval"] = column(pa.month_day_nano_interval(), lambda i: (number(i) % 9, number(i) % 31, number(i)))
    t["null"] = pa.nulls(ROWS)
    t["dictionary<string>"] = column(pa.string(), words).dictionary_encode()
    t["dictionary<int64>"] = column(pa.int64(), lambda i: number(i) % 9).dictionary_encode()
    some = lambda i: [None if number(i + j) % 7 == 0 else number(i + j) % 100 for j in range(number(i) % 4)]  # noqa: E731
    t["list<int32>"] = column(pa.list_(pa.int32()), some)
    t["large_list<int32>"] = column(pa.large_list(pa.int32()), some)
    t["list_view<int32>"] = column(pa.list_view(pa.int32()), some)
    t["large_list_view<int32>"] = column(pa.large_list_view(pa.int32()), some)
    t["list<list<string>>"] = column(pa.list_(pa.list_(pa.string())), lambda i: [None if number(i + j) % 5 == 0 else [words(i + k) for k in range(j)] for j in range(number(i) % 4)])
    two = lambda i: [None if number(i) % 5 == 0 else number(i), number(i + 1)]  # noqa: E731
    t["fixed_size_list<int32>[2]"] = column(pa.list_(pa.int32(), 2), two)
    t["fixed_size_list<string>[2]"] = column(pa.list_(pa.string(), 2), lambda i: [words(i), None])
    t["fixed_size_list<float32>[2], no nulls"] = column(pa.list_(pa.float32(), 2), lambda i: [number(i) % 100 / 4, None], False)
    t["list<fixed_size_list<int32>[2]>"] = column(pa.list_(pa.list_(pa.int32(), 2)), lambda i: [None if number(i + j) % 5 == 0 else two(i + j) for j in range(number(i) % 3)])
    pair = pa.struct([("a", pa.int32()), ("b", pa.string())])
    t["struct"] = column(pair, lambda i: {"a": None if number(i) % 4 == 0 else number(i), "b": words(i)})
    t["list<struct>"] = column(pa.list_(pair), lambda i: [None if number(i + j) % 6 == 0 else {"a": j, "b": words(i + j)} for j in range(number(i) % 4)])
    t["struct<list, timestamp>"] = column(pa.struct([("l", pa.list_(pa.int8())), ("t", pa.timestamp("us", "Europe/Riga"))]), lambda i: {"l": [j for j in range(i % 3)], "t": moment(i, 10**6)})
    t["map<string, int64>"] = column(pa.map_(pa.string(), pa.int64()), lambda i: [(f"k{j}", None if number(i + j) % 3 == 0 else j) for j in range(number(i) % 4)])
    t["map<string, list<struct>>"] = column(pa.map_(pa.string(), pa.list_(pair)), lambda i: [(f"k{j}", [{"a": j, "b": None}]) for j in range(number(i) % 3)])
    t["arrow.uuid"] = ext(pa.uuid(), column(pa.binary(16), lambda i: uuid.UUID(int=number(i) ** 4 % 2**128).bytes))
    t["arrow.json"] = ext(pa.json_(), column(pa.string(), lambda i: f'{{"n": {number(i)}}}'))
    t["arrow.bool8"] = ext(pa.bool8(), column(pa.int8(), lambda i: number(i) % 2))
    t["arrow.fixed_shape_tensor"] = ext(pa.fixed_shape_tensor(pa.float32(), [2, 2]), column(pa.list_(pa.float32(), 4), lambda i: [number(i + j) % 100 for j in range(4)]))
    t["arrow.opaque"] = ext(pa.opaque(pa.binary(), "geometry", "postgis"), column(pa.binary(), lambda i: number(i).to_bytes(4, "big")))
    t["run_end_encoded<int32>"] = pa.RunEndEncodedArray.from_arrays(pa.array([10, 600, ROWS], pa.int32()), pa.array([None, 5, 7], pa.int32()))
    return t


DELTAS = {
    "DELTA_BINARY_PACKED": ("int8", "int16", "int32", "int64", "uint32", "uint64", "date32", "timestamp[us]", "time64[us]", "duration[ns]", "int64, no nulls"),
    "DELTA_LENGTH_BYTE_ARRAY": ("string", "binary", "large_string", "arrow.json"),
    "DELTA_BYTE_ARRAY": ("string", "binary", "fixed_size_binary(5)", "decimal128(38, 9)", "arrow.uuid"),
    "BYTE_STREAM_SPLIT": ("float16", "float32", "float64", "int32", "int64", "fixed_size_binary(5)", "decimal128(38, 9)", "timestamp[ns]", "duration[ms]"),
    "RLE": ("bool",),
    "PLAIN": ("bool", "int32", "string", "fixed_size_binary(5)", "decimal128(9, 2)"),
}
NESTED = {
    "DELTA_BINARY_PACKED": {"list<int32>": "x.list.element", "fixed_size_list<int32>[2]": "x.list.element"},
    "BYTE_STREAM_SPLIT": {"fixed_size_list<float32>[2], no nulls": "x.list.element", "arrow.fixed_shape_tensor": "x.list.element"},
}


def pyarrow_options(name):
    o = {"default": {}}
    for c in ("none", "snappy", "gzip", "brotli", "zstd", "lz4"):
        o[f"compression {c}"] = {"compression": c}
    o["data_page_version 2.0"] = {"data_page_version": "2.0"}
    o["data_page_version 2.0, zstd"] = {"data_page_version": "2.0", "compression": "zstd"}
    o["version 1.0"] = {"version": "1.0"}
    o["version 2.4"] = {"version": "2.4"}
    o["no dictionary"] = {"use_dictionary": False}
    o["no stored schema"] = {"store_schema": False}
    o["page checksums"] = {"write_page_checksum": True}
    o["page index, small pages and groups"] = {"write_page_index": True, "data_page_size": 256, "write_batch_size": 16, "row_group_size": 77}
    o["decimals as integers"] = {"store_decimal_as_integer": True}
    o["legacy lists"] = {"use_compliant_nested_type": False, "store_schema": False}
    o["flavor spark"] = {"flavor": "spark"}
    o["int96"] = {"use_deprecated_int96_timestamps": True}
    o["int96, no stored schema"] = {"use_deprecated_int96_timestamps": True, "store_schema": False}
    for e, types in DELTAS.items():
        path = "x" if name in types else NESTED.get(e, {}).get(name)
        if path:
            o[e] = {"use_dictionary": False, "column_encoding": {path: e}}
            o[e + ", page 2.0"] = {"use_dictionary": False, "column_encoding": {path: e}, "data_page_version": "2.0"}
    return o


out = 0


def emit(writer, option, name, write, suffix=".parquet"):
    global out
    path = os.path.join(sys.argv[1], f"{out}{suffix}")
    out += 1
    try:
        write(path)
    except BaseException as e:  # noqa: BLE001
        if isinstance(e, (KeyboardInterrupt, SystemExit)):
            raise
        print("-", writer, option, name, f"{type(e).__name__}: {e}".replace("\n", " ").replace("\t", " ")[:200], sep="\t")
        return
    print(path, writer, option, name, sep="\t")


def by_pyarrow():
    for name, a in pyarrow_types().items():
        t = pa.table({"id": pa.array(range(ROWS)), "x": a})
        for option, o in pyarrow_options(name).items():
            emit("pyarrow Parquet", option, name, lambda p: pq.write_table(t, p, **o))
        for option, o in {"default": {}, "lz4": {"compression": "lz4"}, "zstd": {"compression": "zstd"}}.items():
            for kind, new in (("file", pa.ipc.new_file), ("stream", pa.ipc.new_stream)):
                def write(p):
                    with new(p, t.schema, options=pa.ipc.IpcWriteOptions(**o)) as w:
                        w.write_table(t, max_chunksize=300)
                emit("pyarrow Arrow " + kind, option, name, write, ".arrow" if kind == "file" else ".arrows")


def by_polars():
    import polars as pl

    def series(value, t):
        return pl.Series("x", [None if null(i) else value(i) for i in range(ROWS)], t)

    t = {}
    for n in (8, 16, 32, 64, 128):
        t[f"Int{n}"] = series(lambda i: number(i) * number(i + 1) % 2 ** min(n, 60) - 2 ** (min(n, 60) - 1), getattr(pl, f"Int{n}"))
    for n in (8, 16, 32, 64):
        t[f"UInt{n}"] = series(lambda i: number(i) * number(i + 1) % 2**n, getattr(pl, f"UInt{n}"))
    t["Boolean"] = series(lambda i: number(i) % 2 == 0, pl.Boolean)
    t["Float32"] = series(lambda i: number(i) / 3, pl.Float32)
    t["Float64"] = series(lambda i: number(i) / 3, pl.Float64)
    t["Decimal(20, 4)"] = series(lambda i: decimal.Decimal(number(i)) / 10000, pl.Decimal(20, 4))
    t["String"] = series(words, pl.String)
    t["Binary"] = series(lambda i: words(i).encode(), pl.Binary)
    t["Date"] = series(lambda i: dt.date(1900, 1, 1) + dt.timedelta(number(i) % 90000), pl.Date)
    t["Time"] = series(lambda i: dt.time(number(i) % 24, number(i + 1) % 60, 5, number(i) % 10**6), pl.Time)
    for u in ("ms", "us", "ns"):
        t[f"Datetime[{u}]"] = series(lambda i: dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=number(i) * 700), pl.Datetime(u))
        t[f"Duration[{u}]"] = series(lambda i: dt.timedelta(milliseconds=number(i) - 10**9), pl.Duration(u))
    t["Datetime[us, Europe/Riga]"] = t["Datetime[us]"].dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Riga")
    t["Categorical"] = series(lambda i: words(i)[:3], pl.Categorical)
    t["Enum"] = series(lambda i: ["lo", "hi"][number(i) % 2], pl.Enum(["hi", "lo"]))
    t["Null"] = pl.Series("x", [None] * ROWS, pl.Null)
    t["List(Int32)"] = series(lambda i: [number(i + j) for j in range(number(i) % 4)], pl.List(pl.Int32))
    t["List(List(String))"] = series(lambda i: [[words(i)] * j for j in range(number(i) % 3)], pl.List(pl.List(pl.String)))
    t["Array(Int32, 2)"] = series(lambda i: [number(i), None], pl.Array(pl.Int32, 2))
    t["Array(Float64, (2, 2))"] = series(lambda i: [[1.5, 2.0], [number(i), 0.0]], pl.Array(pl.Float64, (2, 2)))
    t["Struct"] = series(lambda i: {"a": number(i), "b": words(i)}, pl.Struct({"a": pl.Int64, "b": pl.String}))
    t["List(Struct)"] = series(lambda i: [{"a": j, "b": words(i)} for j in range(number(i) % 3)], pl.List(pl.Struct({"a": pl.Int64, "b": pl.String})))
    for name, s in t.items():
        d = pl.DataFrame({"id": range(ROWS)}).with_columns(s)
        o = {"default": {}, "small pages and groups": {"row_group_size": 77, "data_page_size": 256}, "no statistics": {"statistics": False}}
        for c in ("uncompressed", "snappy", "gzip", "brotli", "lz4", "zstd"):
            o[f"compression {c}"] = {"compression": c}
        for option, k in o.items():
            emit("polars Parquet", option, name, lambda p: d.write_parquet(p, **k))
        for option, k in {"default": {}, "lz4": {"compression": "lz4"}, "zstd": {"compression": "zstd"}, "oldest": {"compat_level": pl.CompatLevel.oldest()}}.items():
            emit("polars Arrow file", option, name, lambda p: d.write_ipc(p, **k), ".arrow")
            emit("polars Arrow stream", option, name, lambda p: d.write_ipc_stream(p, **k), ".arrows")


def by_duckdb():
    import duckdb

    con = duckdb.connect()
    con.execute("SET threads = 1")
    n = "((i * 2654435761) % 1000003)::BIGINT"
    types = {
        "BOOLEAN": f"{n} % 2 = 0",
        "TINYINT": f"({n} % 256 - 128)::TINYINT", "SMALLINT": f"({n} % 65536 - 32768)::SMALLINT",
        "INTEGER": f"({n} * 2000 - 1000000000)::INTEGER", "INTEGER of the whole range": "(CASE WHEN i % 2 = 0 THEN -2147483648 + i ELSE 2147483647 - i END)::INTEGER",
        "BIGINT": f"({n} * 9000000000000)::BIGINT", "HUGEINT": f"({n})::HUGEINT * 10",
        "UTINYINT": f"({n} % 256)::UTINYINT", "USMALLINT": f"({n} % 65536)::USMALLINT", "UINTEGER": f"({n} * 4000)::UINTEGER", "UBIGINT": f"({n} * 9000000000000)::UBIGINT",
        "FLOAT": f"({n} / 7)::FLOAT", "DOUBLE": f"({n} / 3)::DOUBLE",
        "DECIMAL(4, 1)": f"({n} % 9000 / 10)::DECIMAL(4, 1)", "DECIMAL(18, 3)": f"({n} / 1000)::DECIMAL(18, 3)", "DECIMAL(38, 10)": f"({n} / 1000)::DECIMAL(38, 10)",
        "VARCHAR": f"'žodis ' || ({n} % 40)", "BLOB": f"('b' || ({n} % 40))::BLOB", "UUID": "('00000000-0000-4000-8000-' || lpad((i * 77)::VARCHAR, 12, '0'))::UUID",
        "DATE": f"DATE '1900-01-01' + ({n} % 90000)::INT", "TIME": f"TIME '00:00:00' + INTERVAL ({n} % 86400) SECOND", "TIME_NS": f"(TIME '00:00:00' + INTERVAL ({n} % 86400) SECOND)::TIME_NS",
        "TIMETZ": "'12:00:00+02'::TIMETZ", "TIMESTAMP": f"TIMESTAMP '1970-01-01' + INTERVAL ({n} * 700) SECOND", "TIMESTAMP_S": f"(TIMESTAMP '1970-01-01' + INTERVAL ({n}) SECOND)::TIMESTAMP_S",
        "TIMESTAMP_MS": f"(TIMESTAMP '1970-01-01' + INTERVAL ({n}) SECOND)::TIMESTAMP_MS", "TIMESTAMP_NS": f"(TIMESTAMP '1970-01-01' + INTERVAL ({n}) SECOND)::TIMESTAMP_NS",
        "TIMESTAMPTZ": f"make_timestamptz({n} * 1000000)", "INTERVAL": f"INTERVAL ({n} % 900) HOUR + INTERVAL ({n} % 12) MONTH",
        "ENUM": f"(CASE WHEN {n} % 2 = 0 THEN 'lo' ELSE 'hi' END)::ENUM('lo', 'hi')", "JSON": f"('{{\"n\": ' || {n} || '}}')::JSON", "BIT": f"({n})::INTEGER::BIT",
        "INTEGER[]": f"[{n}::INTEGER, NULL, i::INTEGER][1:(i % 4)]", "VARCHAR[][]": f"[['a', NULL], [], ['ž' || {n}]][1:(i % 4)]", "INTEGER[2]": f"[{n}::INTEGER, NULL]::INTEGER[2]",
        "STRUCT": f"{{'a': {n}, 'b': 'x' || i}}", "STRUCT[]": f"[{{'a': {n}, 'b': 'x' || i}}][1:(i % 2)]", "MAP": f"MAP {{'k' || i: {n}, 'l': NULL}}",
        "INTEGER[2], no nulls": f"[{n}::INTEGER, NULL]::INTEGER[2]",
        "UNION": f"(CASE WHEN i % 2 = 0 THEN union_value(num := {n}::INTEGER)::UNION(num INTEGER, str VARCHAR) ELSE union_value(str := 'a')::UNION(num INTEGER, str VARCHAR) END)",
        "VARIANT": f"(CASE WHEN i % 2 = 0 THEN {n}::VARIANT ELSE {{'a': i}}::VARIANT END)", "GEOMETRY": f"('POINT(' || {n} || ' ' || i || ')')::GEOMETRY",
    }
    options = {"default": "", "PARQUET_VERSION V1": "PARQUET_VERSION V1", "PARQUET_VERSION V2": "PARQUET_VERSION V2", "ROW_GROUP_SIZE small": "ROW_GROUP_SIZE 300"}
    for c in ("uncompressed", "snappy", "gzip", "zstd", "brotli", "lz4", "lz4_raw"):
        options[f"CODEC {c}"] = f"CODEC {c}"
    options["PARQUET_VERSION V2, CODEC zstd"] = "PARQUET_VERSION V2, CODEC zstd"
    some = f"(i IN (0, 1, 500, {ROWS - 1}) OR (i * 2654435761) % 11 = 0)"
    for name, e in types.items():
        o = dict(options)
        if name == "GEOMETRY":
            for v in ("V1", "V2", "BOTH", "NONE"):
                o[f"GEOPARQUET_VERSION {v}"] = f"GEOPARQUET_VERSION '{v}'"
        for option, k in o.items():
            absent = "false" if name.endswith("no nulls") else some
            sql = f"COPY (SELECT i AS id, CASE WHEN {absent} THEN NULL ELSE {e} END AS x FROM range({ROWS}) t(i)) TO "
            emit("DuckDB Parquet", option, name, lambda p: con.execute(f"{sql}'{p}' (FORMAT parquet{', ' + k if k else ''})"))
    con.execute("PRAGMA add_parquet_key('k', '0123456789112345')")
    emit("DuckDB Parquet", "ENCRYPTION_CONFIG", "INTEGER", lambda p: con.execute(f"COPY (SELECT 1 AS x) TO '{p}' (FORMAT parquet, ENCRYPTION_CONFIG {{footer_key: 'k'}})"))


def by_pandas():
    import pandas as pd

    def s(value, dtype=None):
        return pd.Series([None if null(i) else value(i) for i in range(ROWS)], dtype=dtype)

    day = pd.Timestamp("1970-01-01")
    t = {
        "int64": pd.Series([number(i) for i in range(ROWS)]), "Int32": s(number, "Int32"), "float64": s(lambda i: number(i) / 3), "boolean": s(lambda i: number(i) % 2 == 0, "boolean"),
        "str": s(words, "str"), "object of bytes": s(lambda i: words(i).encode(), "object"), "category": s(lambda i: words(i)[:2], "category"),
        "datetime64[ns]": s(lambda i: day + pd.Timedelta(number(i), "s")).astype("datetime64[ns]"), "datetime64[us, Europe/Riga]": s(lambda i: day + pd.Timedelta(number(i), "s")).astype("datetime64[us]").dt.tz_localize("UTC").dt.tz_convert("Europe/Riga"),
        "timedelta64[ns]": s(lambda i: pd.Timedelta(number(i), "s")).astype("timedelta64[ns]"),
        "object of dates": s(lambda i: dt.date(1990, 1, 1) + dt.timedelta(number(i) % 9000), "object"), "object of decimals": s(lambda i: decimal.Decimal(number(i)) / 100, "object"),
        "period[D]": pd.Series(pd.PeriodIndex([day + pd.Timedelta(number(i) % 9000, "D") for i in range(ROWS)], freq="D")),
        "interval": pd.Series(pd.arrays.IntervalArray.from_tuples([(number(i) % 100, number(i) % 100 + 1) for i in range(ROWS)])),
        "object of lists": s(lambda i: [number(i)] * (i % 3), "object"), "object of dicts": s(lambda i: {"a": number(i)}, "object"),
        "double[pyarrow]": s(lambda i: number(i) / 7, "double[pyarrow]"),
    }
    for name, c in t.items():
        for index in ("", ", named index"):
            d = pd.DataFrame({"x": c})
            if index:
                d.index = pd.Index(range(100, 100 + ROWS), name="id")
            emit("pandas to_parquet", "default" + index, name, lambda p: d.to_parquet(p))
            if not index:
                emit("pandas to_parquet", "zstd", name, lambda p: d.to_parquet(p, compression="zstd"))
                emit("pandas to_feather", "default", name, lambda p: d.to_feather(p), ".arrow")


def versions():
    import importlib.metadata as m

    for name in ("pyarrow", "polars", "duckdb", "pandas"):
        try:
            yield f"{name} {m.version(name)}"
        except m.PackageNotFoundError:
            yield f"no {name}"


if __name__ == "__main__":
    print("#", ", ".join(versions()), sep="\t")
    by_pyarrow()
    by_polars()
    by_duckdb()
    try:
        import pandas  # noqa: F401
    except ImportError:
        pass
    else:
        by_pandas()

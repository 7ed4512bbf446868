"""Writes Arrow streams with every extension name over every storage and metadata.

argument: a folder; stdout: lines of PATH TAB NAME TAB STORAGE TAB METADATA."""

import os
import sys

import pyarrow as pa

POINT = pa.struct([("x", pa.float64()), ("y", pa.float64())])
NAMES = """arrow.json arrow.uuid arrow.bool8 arrow.opaque arrow.fixed_shape_tensor arrow.variable_shape_tensor arrow.timestamp_with_offset
arrow.parquet.variant parquet.variant arrow.py_extension_type pandas.period pandas.interval geoarrow.wkb geoarrow.wkt geoarrow.point geoarrow.linestring
geoarrow.polygon geoarrow.multipolygon geoarrow.box example.unknown""".split()
STORED = [
    pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.binary(16), pa.binary(8), pa.int8(), pa.int32(), pa.int64(), pa.bool_(), pa.null(),
    pa.dictionary(pa.int8(), pa.string()), pa.list_(pa.float32(), 4), pa.list_(pa.float64(), 2), pa.list_(pa.float32()), pa.large_list(pa.int8()), POINT, pa.list_(POINT), pa.list_(pa.list_(POINT)),
    pa.struct([("data", pa.list_(pa.float32())), ("shape", pa.list_(pa.int32(), 2))]), pa.struct([("shape", pa.list_(pa.int32(), 2)), ("data", pa.list_(pa.float32()))]),
    pa.struct([("timestamp", pa.timestamp("us", "UTC")), ("offset_minutes", pa.int16())]), pa.struct([("timestamp", pa.timestamp("us")), ("offset_minutes", pa.int16())]),
    pa.struct([pa.field("metadata", pa.binary(), False), pa.field("value", pa.binary(), False)]), pa.struct([("metadata", pa.binary()), ("value", pa.binary())]),
    pa.struct([pa.field("value", pa.binary(), False), pa.field("metadata", pa.binary(), False)]), pa.struct([pa.field("metadata", pa.string(), False), pa.field("value", pa.binary(), False)]),
    pa.struct([pa.field("metadata", pa.binary(), False), pa.field("value", pa.binary()), pa.field("typed_value", pa.int64())]),
    pa.struct([("left", pa.int64()), ("right", pa.int64())]),
]
DATA = {
    "arrow.fixed_shape_tensor": ['{"shape":[2,2]}', '{"shape":[4]}', '{"shape":[2,3]}', '{"shape":[2,2],"permutation":[1,0]}', '{"shape":[2,2],"permutation":[0,0]}', '{"shape":[2,2],"permutation":[0]}', '{"shape":[2,2],"permutation":[2,1]}', '{"shape":[2,2],"dim_names":["a"]}', '{"shape":[-2,-2]}', '{"shape":"4"}', '{"shape":[]}', '{"shape":[2,2],"dim_names":["a","b"]}'],
    "arrow.variable_shape_tensor": ["{}", '{"uniform_shape":[2,null]}', '{"permutation":[1,0]}', '{"permutation":[1,1]}', '{"permutation":[0]}', '{"dim_names":["a"]}', '{"uniform_shape":[2]}', '{"uniform_shape":[-2, null]}', '{"uniform_shape":["2", null]}'],
    "arrow.opaque": ['{"type_name":"a","vendor_name":"b"}', '{"type_name":"a"}', '{"type_name":1,"vendor_name":"b"}', "[]"],
    "arrow.uuid": ["x"], "arrow.json": ["x", "{}", '"x"', "[]", '{"a":1}'], "arrow.bool8": ["x"], "arrow.parquet.variant": ["x"], "parquet.variant": ["x"], "arrow.timestamp_with_offset": ["x"],
    "pandas.period": ['{"freq":"D"}', '{"freq":"no such"}', '{"freq":1}'], "pandas.interval": ['{"subtype":"int64","closed":"left"}', '{"subtype":"no such","closed":"left"}', '{"subtype":"int64","closed":"no such"}', '{"subtype":"int32","closed":"left"}'],
    "geoarrow.wkb": ["{}", '{"crs":"OGC:CRS84"}', "{", "[]"], "geoarrow.point": ["{}"],
}

n = 0
for name in NAMES:
    for t in STORED:
        for data in ["", *DATA.get(name, [])]:
            field = pa.field("x", t, metadata={"ARROW:extension:name": name, "ARROW:extension:metadata": data})
            nested = pa.field("x", pa.list_(pa.field("item", t, metadata=field.metadata)))
            for f in (field, nested) if name in ("arrow.json", "arrow.uuid") else (field,):
                schema = pa.schema([f])
                path = os.path.join(sys.argv[1], f"{n}.arrows")
                n += 1
                storage = pa.nulls(2, t if f is field else pa.list_(t))
                # Written without the name's type: the library would refuse some itself.
                with pa.ipc.new_stream(path, pa.schema([pa.field("x", storage.type)])) as w:
                    w.write_batch(pa.record_batch([storage], names=["x"]))
                try:
                    batch = pa.record_batch([storage], schema=schema)
                    with pa.ipc.new_stream(path, schema) as w:
                        w.write_batch(batch)
                except (pa.ArrowException, TypeError, ValueError) as e:
                    print("not written:", name, t, data, e, file=sys.stderr)
                    continue
                print(path, name, t, data, sep="\t")

"""write DIR: dict.parquet and num.parquet. job FILE: pyarrow's whole job on one thread
(read in batches, write Arrow IPC, two SHA-256); prints its CPU seconds."""

import hashlib
import io
import random
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq


def write(folder):
    r = random.Random(3)
    rows = 1_500_000
    words = [f"value {r.random()} of many" for _ in range(500)]
    pick = [r.randrange(500) for _ in range(rows)]
    text = pa.table({f"t{k}": pa.DictionaryArray.from_arrays(pa.array([(p * (k + 1)) % 500 for p in pick], pa.int32()), words).cast(pa.string()) for k in range(3)})
    pq.write_table(text, folder + "/dict.parquet")
    rows = 3_000_000
    some = [r.random() for _ in range(1000)]
    ints = {f"i{k}": pa.array([None if i % 20 == 7 else i * (k + 3) % 1_000_003 for i in range(rows)], pa.int64()) for k in range(3)}
    floats = {f"f{k}": pa.array([None if i % 20 == 9 else some[i % 1000] * i for i in range(rows)], pa.float64()) for k in range(3)}
    pq.write_table(pa.table(ints | floats), folder + "/num.parquet", use_dictionary=False)


def job(path):
    with open(path, "rb") as f:
        data = f.read()
    pa.set_cpu_count(1)
    began = time.process_time()
    hashlib.sha256(data).hexdigest()
    out = io.BytesIO()
    file = pq.ParquetFile(pa.BufferReader(data))
    with pa.ipc.new_file(out, file.schema_arrow) as w:
        for batch in file.iter_batches(8192, use_threads=False):
            w.write_batch(batch)
    hashlib.sha256(out.getbuffer()).hexdigest()
    print(time.process_time() - began)


{"write": write, "job": job}[sys.argv[1]](*sys.argv[2:])

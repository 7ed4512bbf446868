"""What the bench kit.torch measures: bench_torch.py WHAT FOLDER prints one JSON object. FOLDER has
rows.arrow; `write` makes of it what the others read; `guichet` reads the same rows through the
gateway that GUICHET_SERVER, GUICHET_TOKEN_FILE and AGREEMENT name."""

import json
import logging
import os
import sys
import time
import warnings

import pyarrow as pa
import torch
from torch.utils.data import DataLoader

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
BATCH = 1024


def rows(folder):
    with pa.memory_map(os.path.join(folder, "rows.arrow")) as f:
        return pa.ipc.open_file(f).read_all()


def told(started, ids):
    """Samples a second from start to end, and how far rows moved: Spearman's correlation of the
    order in which they came with the stored one."""
    seconds = time.perf_counter() - started
    places = torch.cat(ids).to(torch.float64)
    assert len(places) == len(torch.unique(places)), "a row came twice"
    order = torch.arange(len(places), dtype=torch.float64)
    correlation = float(torch.corrcoef(torch.stack([places, order]))[0, 1])
    return {"samples_per_s": len(places) / seconds, "rank_correlation": correlation, "rows": len(places)}


def guichet(folder):
    import guichet
    import guichet.torch

    started = time.perf_counter()
    data = guichet.torch.IterableDataset(guichet.connect(), os.environ["AGREEMENT"], seed=7, batch_size=BATCH)
    return told(started, [b["id"] for b in DataLoader(data, batch_size=None)])


def guichet_workers(folder):
    import guichet
    import guichet.torch

    started = time.perf_counter()
    data = guichet.torch.IterableDataset(guichet.connect(), os.environ["AGREEMENT"], seed=7, batch_size=BATCH)
    return told(started, [b["id"].clone() for b in DataLoader(data, batch_size=None, num_workers=2)])


def pyarrow(folder):
    """No shuffle, no workers, no policy: what the machine gives."""
    started = time.perf_counter()
    ids = []
    for batch in rows(folder).combine_chunks().to_batches(max_chunksize=BATCH):
        made = {n: torch.from_numpy(c.to_numpy(zero_copy_only=False).copy()) for n, c in zip(batch.schema.names, batch.columns)}
        ids.append(made["id"])
    return told(started, ids)


def one(row):
    return row


def write(folder):
    import litdata
    from streaming import MDSWriter

    table = rows(folder)
    names = table.schema.names
    columns = [c.to_numpy() for c in table.columns]
    made = [dict(zip(names, values)) for values in zip(*columns)]
    with MDSWriter(out=os.path.join(folder, "mosaicml"), columns={f.name: numpy_name(f.type) for f in table.schema}) as out:
        for row in made:
            out.write(row)
    litdata.optimize(one, made, os.path.join(folder, "litdata"), chunk_bytes="64MB", num_workers=1, verbose=False)
    return {"rows": len(made)}


def numpy_name(t):
    return {"float": "float32", "double": "float64"}.get(str(t), str(t))


def mosaicml(folder):
    from streaming import StreamingDataset

    started = time.perf_counter()
    data = StreamingDataset(local=os.path.join(folder, "mosaicml"), shuffle=True, batch_size=BATCH)
    return told(started, [b["id"].clone() for b in DataLoader(data, batch_size=BATCH, num_workers=2)])


def litdata(folder):
    import litdata

    started = time.perf_counter()
    data = litdata.StreamingDataset(os.path.join(folder, "litdata"), shuffle=True)
    return told(started, [b["id"].clone() for b in litdata.StreamingDataLoader(data, batch_size=BATCH, num_workers=2)])


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](sys.argv[2])))

"""What guichet.torch promises, against a running gateway: python torch_kit.py WHAT, with
GUICHET_SERVER, GUICHET_TOKEN_FILE, AGREEMENT, ROWS (of the agreement, whose column n counts
from 0, x is n+½, word a text, gap has nulls) set."""

import itertools
import json
import os
import sys
import warnings

import torch
from torch.utils.data import DataLoader

import guichet
import guichet.torch

warnings.simplefilter("error")
AGREEMENT, ROWS = os.environ["AGREEMENT"], int(os.environ["ROWS"])


def opened(rank=0, world=1, **options):
    options = {"seed": 7, "columns": ["n", "x"], **options}
    return guichet.torch.IterableDataset(guichet.connect(), AGREEMENT, rank=rank, world=world, **options)


def batches(data, workers=0, **options):
    """The numbers of each batch."""
    return [b["n"].tolist() for b in DataLoader(data, batch_size=None, num_workers=workers, **options)]


def flat(lists):
    return [n for one in lists for n in one]


def raises(word, call, kind=guichet.GuichetError):
    try:
        call()
    except kind as e:
        assert word in str(e), (word, str(e))
        return
    raise AssertionError(f"nothing is said of {word}")


def whole():
    """Full batches of tensors of the columns' own types, every row once over the ranks of a
    world, in an order of the seed and epoch."""
    data = opened(even="none")
    first = next(iter(data))
    assert (first["n"].dtype, first["x"].dtype, len(first["n"])) == (torch.int64, torch.float64, 1024), first
    assert torch.equal(first["n"] + 0.5, first["x"])
    first["n"] += 1  # it is the caller's own
    got = batches(data)
    assert {len(b) for b in got[:-1]} == {1024} and sorted(flat(got)) == list(range(ROWS))
    assert got == batches(data), "an epoch is the same each time"
    data.set_epoch(1)
    assert flat(batches(data)) != flat(got)
    places = torch.empty(ROWS)
    places[torch.tensor(flat(got))] = torch.arange(ROWS, dtype=torch.float32)
    correlation = torch.corrcoef(torch.stack([places, torch.arange(ROWS, dtype=torch.float32)]))[0, 1]
    assert abs(correlation) < 0.05, correlation
    ranks = [flat(batches(opened(r, 3))) for r in range(3)]
    assert {len(r) for r in ranks} == {ROWS // 3} and len(set(flat(ranks))) == ROWS // 3 * 3
    assert {len(b) for b in batches(opened(drop_last=True))} == {1024}
    assert data.receipt()["rows"] == ROWS and data.receipt()["epoch"] == 1


def others():
    """What is no tensor is named, and a transform takes it."""
    raises("column 'word' is string", lambda: opened(columns=["n", "word"]))
    raises("column 'gap' has", lambda: next(iter(opened(columns=["n", "gap"]))))
    raises("at least one row", lambda: opened(batch_size=0))
    data = opened(columns=["n", "gap", "word"], transform=lengths)
    batch = next(iter(data))
    assert batch["length"][0] == len(f"word {batch['n'][0] % 97}") and len(batch["n"]) == 1024


def lengths(batch):
    import pyarrow.compute as pc

    return {**guichet.torch.tensors(batch, ["n"]), "length": pc.utf8_length(batch.column("word")).to_pylist()}


def states():
    """A state in mid-epoch goes on at the exact row, on this world and on others."""
    want = [flat(batches(opened(r, 2, even="none"))) for r in range(2)]
    had, kept = [], []
    for rank in range(2):
        data = opened(rank, 2, even="none")
        had += flat(b["n"].tolist() for b in itertools.islice(DataLoader(data, batch_size=None), 7))
        kept.append(json.loads(json.dumps(data.state_dict())))
        again = opened(rank, 2, even="none")
        again.load_state_dict(kept[rank])
        again.set_epoch(again.epoch)  # as the loop over epochs does
        assert flat(batches(again)) == want[rank][7 * 1024 :], rank
        again.set_epoch(1)
        assert len(flat(batches(again))) == len(want[rank])
    rest = []
    for rank in range(3):
        data = opened(rank, 3, even="none")
        data.load_state_dict(kept)
        rest += flat(batches(data))
    assert sorted(had + rest) == list(range(ROWS)), (len(had), len(rest))
    one = {**kept[0], "rows": 99}
    raises("rows is 99 and 7168", lambda: guichet.torch.resume([one, kept[1]]))
    raises("of the ranks [1]", lambda: guichet.torch.resume([kept[0], kept[0]]))
    raises("no state", lambda: guichet.torch.resume({"epoch": 1}))


if __name__ == "__main__":
    for what in sys.argv[1:]:
        globals()[what]()
        print("ok", what, flush=True)

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
for theirs in ("This DataLoader will create", ".*is deprecated, please do not call"):
    warnings.filterwarnings("ignore", message=theirs)
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


def shapes():
    """Lists that are all of one length or shape become tensors of more dimensions, of a slice too."""
    import pyarrow as pa

    vectors = pa.array([[i, i + 1] for i in range(10)], pa.list_(pa.float32(), 2))
    images = pa.FixedShapeTensorArray.from_numpy_ndarray(torch.arange(60).reshape(10, 2, 3).numpy())
    batch = pa.record_batch({"vector": vectors, "image": images, "yes": pa.array([i % 3 == 0 for i in range(10)])}).slice(4, 3)
    got = guichet.torch.tensors(batch)
    assert got["vector"].tolist() == [[4, 5], [5, 6], [6, 7]] and got["vector"].dtype == torch.float32
    assert torch.equal(got["image"], torch.arange(60).reshape(10, 2, 3)[4:7]) and got["yes"].tolist() == [False, False, True]
    for bad, word in (
        (pa.array([[1, None]], pa.list_(pa.int64(), 2)), "has 1 nulls"),
        (pa.array([[1, 2], None], pa.list_(pa.int64(), 2)), "has 1 nulls"),
        (pa.array([["a"]], pa.list_(pa.string(), 1)), "which no tensor holds"),
        (pa.array([[1], [1, 2]]), "which no tensor holds"),
        (pa.array([1, 2]).cast(pa.timestamp("s")), "timestamp[s], which no tensor holds"),
        (pa.array([1, 2]).dictionary_encode(), "which no tensor holds"),
    ):
        raises(word, lambda bad=bad: guichet.torch.tensors(pa.record_batch({"column": bad})))


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


def workers():
    """What a rank gets, and in which order, is the same with any number of workers, forked and
    spawned; persistent ones hear of the next epoch."""
    for rank in range(2):
        want = batches(opened(rank, 2))
        assert len(flat(want)) == ROWS // 2
        for n in (1, 3) if rank else (2,):
            assert batches(opened(rank, 2), n) == want, (rank, n)
    assert batches(opened(1, 2), 2, multiprocessing_context="spawn") == want
    for options in ({"seed": None}, {"seed": 7, "batch_size": 700, "drop_last": True}):
        assert batches(opened(0, 2, **options), 3) == batches(opened(0, 2, **options)), options
    data = opened()
    loader = DataLoader(data, batch_size=None, num_workers=2, persistent_workers=True)
    for epoch in (0, 1):
        data.set_epoch(epoch)
        plain = opened(epoch=epoch)
        assert [b["n"].tolist() for b in loader] == batches(plain), epoch
    raises("StatefulDataLoader", data.state_dict)
    raises("into a new one", lambda: data.load_state_dict(plain.state_dict()))
    raises("name a run=", data.receipt)


def loader_states():
    """The state of a StatefulDataLoader goes on with the same workers by the loader; by the
    dataset with others, none, and on another world."""
    from torchdata.stateful_dataloader import StatefulDataLoader

    def loader(data, n):
        return StatefulDataLoader(data, batch_size=None, num_workers=n)

    def rest(data, n):
        return [b["n"].tolist() for b in loader(data, n)]

    steps = 8  # two rounds and two thirds of three workers
    want = [batches(opened(r, 2, even="none")) for r in range(2)]
    kept, had = {}, []
    for rank in range(2):
        for n in (0, 1, 3):
            reading = loader(opened(rank, 2, even="none"), n)
            got = [b["n"].tolist() for b in itertools.islice(reading, steps)]
            assert got == want[rank][:steps], (rank, n)
            kept[rank, n] = reading.state_dict()
            had += flat(got) if n == 0 else []
            del reading
    for n in (0, 1, 3):
        same = loader(opened(0, 2, even="none"), n)
        same.load_state_dict(kept[0, n])
        assert [b["n"].tolist() for b in same] == want[0][steps:], n
        for m in {0: (1, 2), 1: (0, 3), 3: (0, 2)}[n]:
            data = opened(0, 2, even="none")
            data.load_state_dict(kept[0, n])
            again = loader(data, m)
            more = [b["n"].tolist() for b in itertools.islice(again, 3)]
            later = again.state_dict()
            del again
            assert more == want[0][steps : steps + 3], (n, m)
            data = opened(0, 2, even="none")
            data.load_state_dict(later)
            assert rest(data, n) == want[0][steps + 3 :], (n, m)
        found = list(had)
        for rank in range(3):
            data = opened(rank, 3, even="none")
            data.load_state_dict([kept[0, n], kept[1, n]])
            found += flat(rest(data, 3 - n))
        assert sorted(found) == list(range(ROWS)), n
    # a state from the end, and what is refused
    whole = loader(opened(0, 2), 2)
    assert sum(len(b["n"]) for b in whole) == ROWS // 2
    data = opened(0, 2)
    data.load_state_dict(whole.state_dict())
    assert batches(data) == []
    data.set_epoch(1)
    assert len(batches(data)) == len(batches(opened(0, 2)))
    other = loader(opened(0, 3, even="none"), 3)
    other.load_state_dict(kept[0, 3])
    raises("of the dataset", lambda: next(iter(other)), Exception)
    seldom = StatefulDataLoader(opened(0, 2), batch_size=None, num_workers=2, snapshot_every_n_steps=4)
    reading = iter(seldom)
    for _ in range(6):
        next(reading)
    raises("snapshot_every_n_steps=1", lambda: guichet.torch.resume(seldom.state_dict()))
    one = kept[0, 3]["_snapshot"]["_worker_snapshots"]["worker_2"]["dataset_state"]["lane"]
    one["done"] -= 1024
    raises("in_order", lambda: guichet.torch.resume(kept[0, 3]))


def killed():
    """A worker that is killed is an error, never a short epoch."""
    import signal

    loader = DataLoader(opened(), batch_size=None, num_workers=2)
    reading = iter(loader)
    next(reading)
    os.kill(reading._workers[1].pid, signal.SIGKILL)
    # of a tensor that was just handed over torch says that the other end is gone, else which worker is
    raises("", lambda: list(reading), (RuntimeError, OSError, EOFError))


def train(folder, workers, dies_at=None):
    """Fits a line over two epochs and keeps its losses; every 10 steps model and data are saved
    together, and what was saved is where it begins."""
    from torchdata.stateful_dataloader import StatefulDataLoader

    path = os.path.join(folder, "state.pt")
    data, model = opened(batch_size=4096, drop_last=True), torch.nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(0.0), model.bias.fill_(0.0)
    losses = []
    if os.path.exists(path):
        saved = torch.load(path, weights_only=False)
        data.load_state_dict(saved["data"])
        model.load_state_dict(saved["model"])
        losses = saved["losses"]
    descent = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(data.epoch, 2):
        data.set_epoch(epoch)
        loader = StatefulDataLoader(data, batch_size=None, num_workers=workers)
        for batch in loader:
            x = (batch["n"] / ROWS).float().unsqueeze(1)
            loss = (model(x) - batch["x"].float().unsqueeze(1) / ROWS).square().mean()
            descent.zero_grad()
            loss.backward()
            descent.step()
            losses.append(loss.item())
            if len(losses) % 10 == 0:
                state = {"data": loader.state_dict(), "model": model.state_dict(), "losses": losses}
                torch.save(state, path + ".new")
                os.replace(path + ".new", path)
            if len(losses) == dies_at:
                os.kill(os.getpid(), 9)
    return losses


def crashed():
    """A training that is killed, and goes on with other workers, ends with the losses of one that
    was not."""
    import subprocess
    import tempfile

    torch.set_num_threads(1)
    steps = 2 * (ROWS // 4096)
    with tempfile.TemporaryDirectory() as folder:
        want = train(folder, 0)
    with tempfile.TemporaryDirectory() as folder:
        for workers, dies_at in ((0, 27), (2, steps // 2 + 25)):
            script = f"import torch, torch_kit; torch.set_num_threads(1); torch_kit.train({folder!r}, {workers}, {dies_at})"
            died = subprocess.run([sys.executable, "-B", "-c", script], cwd=os.path.dirname(os.path.abspath(__file__)), check=False)
            assert died.returncode == -9, died
        got = train(folder, 1)
    assert len(want) == steps and got == want, [(i, a, b) for i, (a, b) in enumerate(zip(got, want)) if a != b][:3]


def leases():
    """A lease that ended before a worker opens is renewed there, forked or spawned, by a token
    that may be a function, or by a job key."""
    want = batches(opened())
    data = opened()
    data._data._lease._answer["token"] = "ended"
    assert batches(data, 2) == want
    with open(os.environ["GUICHET_TOKEN_FILE"], encoding="utf-8") as f:
        os.environ["MY_TOKEN"] = f.read()
    del os.environ["GUICHET_TOKEN_FILE"]
    named, unnamed = guichet.connect(token=my_token), guichet.connect(token=lambda: my_token())
    data = guichet.torch.IterableDataset(named, AGREEMENT, seed=7, columns=["n", "x"])
    assert batches(data, 2, multiprocessing_context="spawn") == want
    data = guichet.torch.IterableDataset(guichet.connect(job_key=os.environ["JOB_KEY"]), AGREEMENT, seed=7, columns=["n", "x"])
    assert batches(data, 1, multiprocessing_context="spawn") == want
    data = guichet.torch.IterableDataset(unnamed, AGREEMENT, seed=7, columns=["n", "x"])
    assert batches(data, 2) == want
    raises("cannot be sent to another process", lambda: batches(data, 2, multiprocessing_context="spawn"))


def my_token():
    return os.environ["MY_TOKEN"]


def mixed():
    """Several datasets by weight, every row of each once, with one state on any world."""

    def mix(rank=0, world=1, **options):
        parts = [opened(rank, world, columns=["n"], even="none"), opened(rank, world, columns=["x"], even="none")]
        return guichet.torch.Mix(parts, [3, 1], **options)

    def read(data, steps=None):
        return [(name, t.tolist()) for b in itertools.islice(DataLoader(data, batch_size=None), steps) for name, t in b.items()]

    def rows(got, name):
        return [v for n, values in got for v in values if n == name]

    data = mix()
    want = read(data)
    names = [name for name, _ in want[:300]]
    assert all(abs(names[:n].count("n") - n * 3 / 4) < 1 for n in range(300)), names[:8]
    assert sorted(rows(want, "n")) == list(range(ROWS)) and sorted(rows(want, "x")) == [n + 0.5 for n in range(ROWS)]
    assert [r["rows"] for r in data.receipt()] == [ROWS, ROWS]
    short = read(mix(until="first"))
    assert len(rows(short, "n")) == ROWS and len(rows(short, "x")) < ROWS / 2
    data = mix()
    assert read(data, 10) == want[:10]
    state = json.loads(json.dumps(data.state_dict()))
    again = mix()
    again.load_state_dict(state)
    again.set_epoch(again.epoch)
    assert read(again) == want[10:]
    again.set_epoch(1)
    assert len(read(again)) == len(want)
    had, states = [], []
    for rank in range(2):
        data = mix(rank, 2)
        had += read(data, 9)
        states.append(data.state_dict())
    for rank in range(3):
        data = mix(rank, 3)
        data.load_state_dict(states)
        had += read(data)
    assert sorted(rows(had, "n")) == list(range(ROWS)) and sorted(rows(had, "x")) == [n + 0.5 for n in range(ROWS)]
    raises("without workers", lambda: list(DataLoader(mix(), batch_size=None, num_workers=1)), Exception)
    raises("weights above 0", lambda: guichet.torch.Mix([opened()], [0]))
    raises("by the weights", lambda: mix().load_state_dict({**state, "weights": [1.0, 1.0]}))
    raises("disagree", lambda: mix().load_state_dict([state, {**state, "taken": [1, 2]}]))


def cut():
    """Over a network that breaks off again and again a lane goes on at its own row."""
    data = opened(batch_size=1000)
    got = batches(data, 1)
    assert {len(b) for b in got} == {1000} and sorted(flat(got)) == list(range(ROWS))


def ended():
    """An agreement that ends is an error in the gateway's words, in workers too."""
    data = opened()
    with open(os.environ["PROVIDER_TOKEN_FILE"], encoding="utf-8") as f:
        guichet.connect(token=f.read()).post(f"/agreements/{AGREEMENT}/revoke", {"reason": "the consent was withdrawn"})
    raises("the consent was withdrawn", lambda: batches(data))
    raises("the consent was withdrawn", lambda: batches(data, 2), Exception)


if __name__ == "__main__":
    for what in sys.argv[1:]:
        globals()[what]()
        print("ok", what, flush=True)

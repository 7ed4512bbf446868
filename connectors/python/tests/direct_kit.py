"""What the kit promises of reading by URL, against a running gateway that gives URLs: python direct_kit.py
WHAT, with GUICHET_SERVER, GUICHET_TOKEN_FILE, AGREEMENT, ROWS (of the agreement, whose column n counts from 0,
and whose column word is coded by a dictionary in each shard), CLOSED (an agreement without direct) set."""

import itertools
import json
import os
import sys
import warnings

import guichet
import guichet._dataset
import guichet._direct

AGREEMENT, ROWS, CLOSED = os.environ["AGREEMENT"], int(os.environ["ROWS"]), os.environ["CLOSED"]
ASKS = (
    {},
    dict(rank=2, world=3),
    dict(rank=1, world=3, even="none", prefetch=0),
    dict(seed=7),
    dict(seed=7, epoch=3, rank=1, world=4, even="pad"),
    dict(seed=2**64 - 1, batch_size=1000),
)


def values(batches):
    return [row for b in batches for row in zip(b.column("n").to_pylist(), b.column("word").to_pylist())]


def silent(call):
    """What a call gives, which warns of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return call()


def warned(word, call):
    """What a call gives that warns once."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        out = call()
    assert [w for w in said if word in str(w.message) and "not by URL" in str(w.message)] and len(said) == 1, (word, [str(w.message) for w in said])
    return out


def rows():
    """Values and order are the stream's; no token goes to the store, whose bytes the receipt calls by
    their name."""
    site = guichet.connect()
    sent, opener = [], site._http._opener.open
    site._http._opener.open = lambda r, timeout: sent.append(r) or opener(r, timeout=timeout)
    for ask in ASKS:
        data = site.dataset(AGREEMENT, direct=True, **ask)
        want = site.dataset(AGREEMENT, **ask)
        got = silent(lambda: values(data))
        assert got == values(want), ask
        receipt = data.receipt()
        assert receipt["rows_by_url"] == receipt["rows"] == len(got) and receipt["releases"], receipt
        assert want.receipt()["rows_by_url"] == 0
    outside = [r for r in sent if not r.full_url.startswith(site._http.base)]
    assert len(outside) > len(ASKS) and not any(r.has_header("Authorization") for r in outside)
    assert all(r.has_header("Authorization") for r in sent if r.full_url.startswith(site._http.base))


def resumed():
    """A state that was taken while reading by URL goes on by URL or by the stream, on any world."""
    site = guichet.connect()
    options = dict(seed=3, batch_size=777, even="none")
    had, states = [], []
    for rank in range(2):
        data = site.dataset(AGREEMENT, rank=rank, world=2, direct=True, **options)
        had += values(itertools.islice(data, 5))
        states.append(json.loads(json.dumps(data.state_dict())))
        for direct in (True, False):
            again = site.dataset(AGREEMENT, rank=rank, world=2, direct=direct, **options)
            again.load_state_dict(states[rank])
            rest = values(again)
            assert rest == values(site.dataset(AGREEMENT, rank=rank, world=2, **options))[5 * 777 :], (rank, direct)
    rest = []
    for rank in range(3):
        data = site.dataset(AGREEMENT, rank=rank, world=3, direct=True, **options)
        data.load_state_dict(states[0])
        rest += silent(lambda data=data: values(data))
    assert sorted(n for n, _ in had + rest) == list(range(ROWS)), (len(had), len(rest))


def late():
    """URLs that get too old meanwhile are asked for anew, and no row comes twice; small answers add up."""
    site = guichet.connect()
    want = values(site.dataset(AGREEMENT, seed=5))
    guichet._direct.LEAST = guichet._direct.MOST = 2 << 20
    data = site.dataset(AGREEMENT, seed=5, direct=True)
    assert silent(lambda: values(data)) == want
    assert len(data.receipt()["releases"]) > 3, data.receipt()
    call, n = site._http.call, itertools.count()

    def aged(method, path, *rest):
        answer = call(method, path, *rest)
        if path.endswith("/ranges") and next(n) % 2 == 0:
            answer["seconds"] = 0
        return answer

    site._http.call = aged
    assert silent(lambda: values(site.dataset(AGREEMENT, seed=5, direct=True))) == want
    assert next(n) > 6


def refused():
    """Whoever gets no URLs is told why, once, and gets the rows."""
    site = guichet.connect()
    want = list(range(ROWS))
    numbers = lambda batches: [n for b in batches for n in b.column("n").to_pylist()]  # noqa: E731
    closed = site.dataset(CLOSED, direct=True)
    assert len(warned("permit no reading by URL", lambda: numbers(closed))) > 0
    assert len(silent(lambda: numbers(closed))) > 0 and closed.receipt()["rows_by_url"] == 0
    assert warned("columns", lambda: numbers(site.dataset(AGREEMENT, columns=["n"], direct=True))) == want
    broken = guichet.connect()

    def away(url, headers):
        raise OSError("no route to the store")

    broken._http.outside = away
    guichet._dataset.pause = lambda *_: None
    assert warned("no route to the store", lambda: numbers(broken.dataset(AGREEMENT, direct=True))) == want
    half = guichet.connect()
    outside = half._http.outside

    class Short:
        """An answer that ends early."""

        def __init__(self, answer):
            self.answer, self.status = answer, answer.status

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.answer.close()

        def readinto(self, buffer):
            return 0

    half._http.outside = lambda url, headers: Short(outside(url, headers))
    assert warned("bytes came by URL", lambda: numbers(half.dataset(AGREEMENT, direct=True))) == want


def torch():
    """Tensors too; several workers come by the stream."""
    import guichet.torch
    from torch.utils.data import DataLoader

    site = guichet.connect()

    def read(workers, **options):
        data = guichet.torch.IterableDataset(site, AGREEMENT, seed=7, transform=len_and_first, **options)
        return data, list(DataLoader(data, batch_size=None, num_workers=workers))

    _, want = read(0)
    data, got = silent(lambda: read(0, direct=True))
    assert got == want and data.receipt()["rows_by_url"] == ROWS
    assert read(2, direct=True)[1] == want


def len_and_first(batch):
    return batch.num_rows, batch.column("n")[0].as_py()


for what in sys.argv[1:]:
    globals()[what]()
    print("ok", what)

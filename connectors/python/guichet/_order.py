"""The order of an epoch, for who reads the files of an agreement: what a stream does with a seed."""

from __future__ import annotations

import hashlib
import struct
from typing import Any, Iterator, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ._errors import GuichetError

_OF_WINDOWS, _OF_TAILS, _OF_ROWS = 0, 1, 2
_GAMMA, _MIX1, _MIX2 = (pa.scalar(n, pa.uint64()) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))

Segment = tuple[int, int, int]  # a shard or a window, the first row in it, how many


def order(
    split: Mapping[str, Any],
    *,
    seed: int | None,
    epoch: int = 0,
    rank: int = 0,
    world: int = 1,
    even: str = "none",
    skip: int = 0,
) -> Iterator[pa.Int64Array]:
    """The rows of a rank's part of an epoch, as a Dataset with the same seed, epoch, rank and
    world gives them: numbers of rows, counted over the split's shards as they are stored, in
    one array for each window. For the files of a mount, of the S3 face or of guichet://:

        split = site.dataset("agr-…").manifest()["tables"][0]
        files = pyarrow.dataset.dataset([f"{folder}/{s['name']}" for s in split["shards"]], format="ipc")
        for rows in guichet.order(split, seed=7): files.take(rows)

    split: an entry of a manifest's ``tables``, or of the ``_manifest.json`` of a mount.
    even: "drop" as of several ranks of a Dataset; "none" is all rows.
    skip: rows of the part that were read before.
    """
    if not 0 <= rank < world:
        raise GuichetError(f"rank {rank} is none of a world of {world}: ranks count from 0")
    if even not in ("drop", "none"):
        raise GuichetError(f"even is drop or none here, not {even!r}")
    shards = [s["rows"] for s in split["shards"]]
    if seed is None:
        windows, n = [[(0, 0, sum(shards))]], 0
    else:
        if split["shuffle"]["order"] != 2:
            raise GuichetError(f"the split is read in order {split['shuffle']['order']}, and this guichet knows order 2: take a newer one")
        n = split["shuffle"]["window_rows"]
        windows = _windows(shards, n, seed, epoch)
    part = _part([[(i, 0, _size(w))] for i, w in enumerate(windows)], n, rank, world)
    if even == "drop":
        part = _cut(part, 0, part_rows(split, seed, 0, world))  # rank 0 has the fewest
    starts = [sum(shards[:i]) for i in range(len(shards))]
    for w, at, rows in _cut(part, skip, sum(shards)):
        if seed is None:
            yield pa.array(range(at, at + rows), pa.int64())
            continue
        stored = pa.chunked_array([pa.array(range(starts[s] + a, starts[s] + a + c), pa.int64()) for s, a, c in windows[w]], pa.int64())
        yield stored.combine_chunks().take(permutation(seed, epoch, w, len(stored)).slice(at, rows))


def part_rows(split: Mapping[str, Any], seed: int | None, rank: int, world: int) -> int:
    """How many rows of an epoch are a rank's: whole windows and its share of what is left."""
    rows: int = split["rows"]
    full = 0
    if seed is not None:
        n = split["shuffle"]["window_rows"]
        full = rows // n // world * n
    left = rows - full * world
    return full + (rank + 1) * left // world - rank * left // world


def permutation(seed: int, epoch: int, window: int, rows: int) -> pa.UInt64Array:
    """The rows of a window in their order: by the outputs of SplitMix64, one for each row."""
    state = pa.scalar(_block(seed, epoch, _OF_ROWS, window)[0], pa.uint64())
    z = pc.add(pc.multiply(pa.array(range(1, rows + 1), pa.uint64()), _GAMMA), state)  # these wrap around
    for by, mix in ((30, _MIX1), (27, _MIX2)):
        z = pc.multiply(pc.bit_wise_xor(z, pc.shift_right(z, pa.scalar(by, pa.uint64()))), mix)
    return pc.array_sort_indices(pc.bit_wise_xor(z, pc.shift_right(z, pa.scalar(31, pa.uint64()))))


def _block(seed: int, epoch: int, stream: int, counter: int) -> tuple[int, ...]:
    return struct.unpack(">4Q", hashlib.sha256(b"guichet order 2" + struct.pack(">QQBQ", seed, epoch, stream, counter)).digest())


def _words(seed: int, epoch: int, stream: int) -> Iterator[int]:
    counter = 0
    while True:
        yield from _block(seed, epoch, stream, counter)
        counter += 1


def _below(n: int, words: Iterator[int]) -> int:
    """A number below n, each equally likely."""
    return next(x for x in words if x < 2**64 - 2**64 % n) % n


def _shuffled(items: list[Any], words: Iterator[int]) -> list[Any]:
    """In an order that is drawn, again while it correlates with the one before."""
    places = list(range(len(items)))
    for _ in range(64):
        for i in range(len(places) - 1, 0, -1):
            j = _below(i + 1, words)
            places[i], places[j] = places[j], places[i]
        if not _drifts(places):
            break
    return [items[p] for p in places]


def _drifts(places: list[int]) -> bool:
    n = len(places)
    if n < 16 or n > 65536:
        return False
    return 3 * 64 * abs(sum((2 * i - n + 1) * (2 * p - n + 1) for i, p in enumerate(places))) >= n * (n * n - 1)


def _size(segments: Sequence[Segment]) -> int:
    return sum(rows for _, _, rows in segments)


def _cut(segments: Sequence[Segment], first: int, count: int) -> list[Segment]:
    """Rows first … first+count-1 of segments."""
    out = []
    for s, at, rows in segments:
        lo, hi = max(first, 0), min(first + count, rows)
        if lo < hi:
            out.append((s, at + lo, hi - lo))
        first -= rows
    return out


def _windows(shards: Sequence[int], n: int, seed: int, epoch: int) -> list[list[Segment]]:
    """The windows of an epoch in their order, as segments of shards; a shorter one is last."""
    full = [[(s, at, n)] for s, rows in enumerate(shards) for at in range(0, rows - rows % n, n)]
    tails = [(s, rows - rows % n, rows % n) for s, rows in enumerate(shards) if rows % n]
    if tails:  # joined as they are stored, from one that is drawn
        at = _below(len(tails), _words(seed, epoch, _OF_TAILS))
        tails = tails[at:] + tails[:at]
    joined = [_cut(tails, at, n) for at in range(0, _size(tails), n)]
    rest = [joined.pop()] if joined and _size(joined[-1]) < n else []
    return _shuffled(sorted(full + joined, key=lambda w: w[0]), _words(seed, epoch, _OF_WINDOWS)) + rest


def _part(windows: Sequence[list[Segment]], n: int, rank: int, world: int) -> list[Segment]:
    """Whole windows in turn, then what is left cut by rows."""
    full = [w for w in windows if _size(w) == n]
    even = len(full) - len(full) % world
    left = [x for w in full[even:] + [w for w in windows if _size(w) != n] for x in w]
    first, end = (r * _size(left) // world for r in (rank, rank + 1))
    return [x for w in full[rank:even:world] for x in w] + _cut(left, first, end - first)

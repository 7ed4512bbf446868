"""Executable specification of order 2: the rows of an epoch in the order in which one rank gets them,
and how a job goes on on another world. Nothing but Python's own library is needed.

shards  rows in each shard of one split, as the agreement's manifest says
n       rows of a window: window_rows(table, rows), the manifest's shuffle.window_rows
seed    0 <= seed < 2**64;  epoch  0 <= epoch < 2**64
chain   [(world, k), ...]: in each of these stages every rank of `world` consumed k rows of its part

A *segment* is (window, first place, rows): places of a window count in its permutation, so what a
rank has consumed of a window are its first places, whatever rows those are.

Run with a file of cases as JSON lines it prints the parts of each; without, it checks itself.
"""
import hashlib, json, struct, sys

GAMMA, MIX1, MIX2, MASK = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 2**64 - 1
OF_WINDOWS, OF_TAILS, OF_ROWS = 0, 1, 2


def window_rows(table, rows):
    """Rows of a window: the table's, halved while there are fewer than 128 of more than 512."""
    while table > 512 and rows // table < 128:
        table //= 2
    return table


def block(seed, epoch, stream, counter):
    return struct.unpack(">4Q", hashlib.sha256(b"guichet order 2" + struct.pack(">QQBQ", seed, epoch, stream, counter)).digest())


def keystream(seed, epoch, stream):
    counter = 0
    while True:
        yield from block(seed, epoch, stream, counter)
        counter += 1


def below(n, words):
    """A number below n by rejection, so that each is equally likely."""
    limit = 2**64 - 2**64 % n
    x = next(words)
    while x >= limit:
        x = next(words)
    return x % n


def shuffle(items, words):
    """Fisher-Yates from the end."""
    for i in range(len(items) - 1, 0, -1):
        j = below(i + 1, words)
        items[i], items[j] = items[j], items[i]


def drifts(places):
    """Is the rank correlation of places with their own order 1/64 or more, up or down?"""
    n = len(places)
    if n < 16 or n > 65536:
        return False
    total = sum((2 * i - n + 1) * (2 * p - n + 1) for i, p in enumerate(places))
    return 3 * 64 * abs(total) >= n * (n * n - 1)


def shuffled(items, words):
    """Drawn again from the same words while it drifts, 64 times at most."""
    places = list(range(len(items)))
    shuffle(places, words)
    for _ in range(63):
        if not drifts(places):
            break
        shuffle(places, words)
    return [items[p] for p in places]


def cut(segments, first, count):
    out = []
    for s, at, rows in segments:
        lo, hi = max(first, 0), min(first + count, rows)
        if lo < hi:
            out.append((s, at + lo, hi - lo))
        first -= rows
    return out


def size(segments):
    return sum(rows for _, _, rows in segments)


def windows(shards, n, seed, epoch):
    """The windows of an epoch in their order, each as segments (shard, first row, rows); a shorter one is last."""
    full = [[(s, at, n)] for s, rows in enumerate(shards) for at in range(0, rows - rows % n, n)]
    tails = [[(s, rows - rows % n, rows % n)] for s, rows in enumerate(shards) if rows % n]
    if tails:  # joined as they are stored, from one that is drawn
        at = below(len(tails), keystream(seed, epoch, OF_TAILS))
        tails = tails[at:] + tails[:at]
    tail = [x for t in tails for x in t]
    joined = [cut(tail, at, n) for at in range(0, size(tail), n)]
    rest = [joined.pop()] if joined and size(joined[-1]) < n else []
    return shuffled(sorted(full + joined, key=lambda w: w[0]), keystream(seed, epoch, OF_WINDOWS)) + rest


def permutation(seed, epoch, window, rows):
    """Rows of a window by the outputs of SplitMix64, whose state is the first word of the window's block."""
    state, keys = block(seed, epoch, OF_ROWS, window)[0], []
    for _ in range(rows):
        state = (state + GAMMA) & MASK
        z = ((state ^ state >> 30) * MIX1) & MASK
        z = ((z ^ z >> 27) * MIX2) & MASK
        keys.append(z ^ z >> 31)
    return sorted(range(rows), key=keys.__getitem__)


def deal(order, n, world):
    """Parts of all ranks: whole windows in turn, then what is left cut by rows."""
    full = [w for w in order if size(w) == n]
    even = len(full) - len(full) % world
    left = [x for w in full[even:] + [w for w in order if size(w) != n] for x in w]
    rows = size(left)
    bounds = [rank * rows // world for rank in range(world + 1)]
    return [[x for w in full[rank:even:world] for x in w] + cut(left, bounds[rank], bounds[rank + 1] - bounds[rank]) for rank in range(world)]


def remaining(order, n, world, k):
    """What is left, in the same order, when each of `world` ranks has consumed k rows of its part."""
    gone = {}
    for part in deal(order, n, world):
        for w, at, rows in cut(part, 0, k):
            gone.setdefault(w, set()).update(range(at, at + rows))
    out = []
    for window in order:
        keep = []
        for w, at, rows in window:
            for place in range(at, at + rows):
                if place in gone.get(w, ()):
                    continue
                if keep and keep[-1][0] == w and keep[-1][1] + keep[-1][2] == place:
                    keep[-1] = (w, keep[-1][1], keep[-1][2] + 1)
                else:
                    keep.append((w, place, 1))
        if keep:
            out.append(keep)
    return out


def part(shards, n, seed, epoch, world, rank, chain=()):
    """The rows of one rank, each as (shard, row)."""
    all_windows = windows(shards, n, seed, epoch)
    order = [[(i, 0, size(w))] for i, w in enumerate(all_windows)]
    for w, k in chain:
        order = remaining(order, n, w, k)
    out = []
    for w, at, rows in deal(order, n, world)[rank]:
        stored = [(s, first + r) for s, first, count in all_windows[w] for r in range(count)]
        out += [stored[p] for p in permutation(seed, epoch, w, len(stored))[at : at + rows]]
    return out


def of(case):
    return [part(case["shards"], case["n"], int(case["seed"]), case["epoch"], case["world"], r, case["chain"] or []) for r in range(case["world"])]


def check():
    import os

    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "order2.json")) as f:
        doc = json.load(f)
    assert permutation(42, 0, 3, 12) == doc["permutation_12_seed42_epoch0_window3"]
    for case in doc["vectors"]:
        assert [[list(x) for x in p] for p in of(case)] == case["parts"], case
    print(len(doc["vectors"]), "vectors hold")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        for line in open(sys.argv[1]):
            print(json.dumps(of(json.loads(line)), separators=(",", ":")))
    else:
        check()

"""What the kit promises, against a running gateway: python kit.py WHAT, with GUICHET_SERVER,
GUICHET_TOKEN_FILE, AGREEMENT, ROWS (of the agreement, whose column n counts from 0) set."""

import itertools
import json
import os
import sys
import tempfile

import guichet

AGREEMENT, ROWS = os.environ["AGREEMENT"], int(os.environ.get("ROWS", "0"))


def numbers(batches):
    return [n for b in batches for n in b.column("n").to_pylist()]


def whole():
    """Every row once, over any world, the schema before a row, and a receipt."""
    site = guichet.connect()
    data = site.dataset(AGREEMENT)
    assert data.schema.names == ["n", "word"], data.schema
    assert numbers(data) == list(range(ROWS))
    assert data.epoch == 1
    receipt = data.receipt()
    assert receipt["rows"] == ROWS and len(receipt["releases"]) >= 1, receipt
    seen = []
    for rank in range(3):
        seen += numbers(site.dataset(AGREEMENT, seed=7, rank=rank, world=3, even="none", prefetch=rank))
    assert sorted(seen) == list(range(ROWS)) and seen != sorted(seen)
    parts = [len(numbers(site.dataset(AGREEMENT, seed=7, rank=rank, world=7, columns=["n"]))) for rank in range(7)]
    assert len(set(parts)) == 1, parts
    sizes = [b.num_rows for b in site.dataset(AGREEMENT, batch_size=1000)]
    assert set(sizes[:-1]) == {1000} and sum(sizes) == ROWS, sizes
    os.environ.update(RANK="1", WORLD_SIZE="4")
    assert (site.dataset(AGREEMENT).rank, site.dataset(AGREEMENT).world) == (1, 4)
    del os.environ["RANK"], os.environ["WORLD_SIZE"]


def stand_in():
    """Made-up rows have the data's columns and say what they are."""
    site = guichet.connect()
    data = site.dataset(AGREEMENT)
    made = site.stand_in(data.manifest()["dataset"], rows=50, seed=3)
    assert made.schema.equals(data.schema) and made.num_rows == 50, made.schema
    assert b"guichet.stand_in" in made.schema.metadata
    assert made.equals(site.stand_in(data.manifest()["dataset"], rows=50, seed=3))
    assert made.column("n") != site.stand_in(data.manifest()["dataset"], rows=50, seed=4).column("n")
    assert site.stand_in(data.manifest()["dataset"], columns=["word"]).column_names == ["word"]


def resume():
    """A state taken in mid-epoch goes on at the exact row, on this world and on others."""
    site = guichet.connect()
    undisturbed = [numbers(site.dataset(AGREEMENT, seed=3, rank=r, world=2, batch_size=500, even="none")) for r in range(2)]
    had, states = [], []
    for rank in range(2):
        data = site.dataset(AGREEMENT, seed=3, rank=rank, world=2, batch_size=500, even="none")
        had += numbers(itertools.islice(data, 5))
        states.append(json.loads(json.dumps(data.state_dict())))
        again = site.dataset(AGREEMENT, seed=3, rank=rank, world=2, batch_size=500, even="none")
        again.load_state_dict(states[rank])
        assert numbers(again) == undisturbed[rank][2500:], rank
    rest = []
    for rank in range(3):
        data = site.dataset(AGREEMENT, seed=3, rank=rank, world=3, batch_size=500, even="none")
        data.load_state_dict(states[0])
        rest += numbers(data)
    assert sorted(had + rest) == list(range(ROWS)), (len(had), len(rest))


def cut():
    """Over a network that breaks off again and again every row still comes once."""
    data = guichet.connect().dataset(AGREEMENT, seed=5)
    got = numbers(data)
    assert sorted(got) == list(range(ROWS)), len(got)
    assert len(data.receipt()["releases"]) > 1, "nothing was cut"


def left():
    """A program may end while batches are read ahead."""
    site = guichet.connect()
    readings = [iter(site.dataset(AGREEMENT, seed=seed)) for seed in range(8)]
    for batches in readings:
        next(batches)
    globals()["readings"] = readings  # until the interpreter ends


def refused():
    """A refusal says what the gateway says."""
    site = guichet.connect()
    for options, word in (({"columns": ["no-such"]}, "no-such"), ({"table": "other"}, "other"), ({"version": "9"}, "9")):
        try:
            numbers(site.dataset(AGREEMENT, **options))
        except guichet.Refused as r:
            assert word in str(r) and r.status >= 400, r
        else:
            raise AssertionError(f"{options} is not refused")
    try:
        next(iter(site.dataset("agr-aaaaaaaaaaaaaaaaaaaa")))
    except guichet.Refused as r:
        assert r.detail, r
    for bad in (dict(rank=2, world=2), dict(rank=1), dict(even="odd"), dict(batch_size=0)):
        try:
            site.dataset(AGREEMENT, **bad)
        except guichet.GuichetError:
            continue
        raise AssertionError(f"{bad} is taken")


def job():
    """With a job key alone a job reads its data, and does nothing else; a key that cannot be
    used says why before anything is asked for."""
    path = os.environ["JOB_KEY"]
    for name in ("GUICHET_SERVER", "GUICHET_TOKEN_FILE"):
        os.environ.pop(name, None)
    os.environ["GUICHET_JOB_KEY"] = path
    site = guichet.connect()  # the file says where
    assert numbers(site.dataset(AGREEMENT, columns=["n"])) == list(range(ROWS))
    for call in (lambda: site.get("/agreements"), lambda: site.request("ds-a", project="p")):
        try:
            call()
        except guichet.Refused as r:
            assert r.status == 401, r
        else:
            raise AssertionError("a job does more than read")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    with tempfile.TemporaryDirectory() as folder:
        other = os.path.join(folder, "other.key")
        for change, mode, word in (
            (text, 0o644, "chmod 600"),
            (text.replace("id: jobkey-", "id: lease-"), 0o600, "no file of guichet job-key"),
            (text.replace("server: ", "x: "), 0o600, "server"),
            (text.split("-----BEGIN")[0], 0o600, "no private key"),
        ):
            with open(other, "w", encoding="utf-8") as f:
                f.write(change)
            os.chmod(other, mode)
            try:
                guichet.connect(job_key=other)
            except guichet.GuichetError as e:
                assert word in str(e), e
            else:
                raise AssertionError(f"{word}: it is taken")
    try:
        guichet.connect(token="t", job_key=path)
    except guichet.GuichetError as e:
        assert "job key" in str(e)
    else:
        raise AssertionError("a token and a job key are taken")
    try:
        guichet.connect(job_key=path + ".none")
    except guichet.GuichetError as e:
        assert "cannot be read" in str(e)
    else:
        raise AssertionError("no file is a key")


def signed_by_library():
    """cryptography is what signs where it is installed."""
    import cryptography  # noqa: F401

    job()


def tools():
    """What the epoch becomes in other libraries."""
    import duckdb

    site = guichet.connect()
    assert site.dataset(AGREEMENT).to_pandas()["n"].sum() == ROWS * (ROWS - 1) // 2
    assert site.dataset(AGREEMENT).to_polars()["n"].sum() == ROWS * (ROWS - 1) // 2
    reader = site.dataset(AGREEMENT).reader()  # noqa: F841 - DuckDB finds it by its name
    assert duckdb.sql("SELECT count(*) FROM reader").fetchall() == [(ROWS,)]


for what in sys.argv[1:]:
    globals()[what]()
    print("ok", what)

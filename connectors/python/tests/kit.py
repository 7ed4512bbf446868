"""What the kit promises, against a running gateway: python kit.py WHAT, with GUICHET_SERVER,
GUICHET_TOKEN_FILE, AGREEMENT, ROWS (of the agreement, whose column n counts from 0) set."""

import itertools
import json
import os
import pickle
import subprocess
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
            again = pickle.loads(pickle.dumps(r))  # as from a worker
            assert (str(again), again.status, again.errors) == (str(r), r.status, r.errors) and str(r).count(r.detail) == 1, r
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
        assert "there is no job key at" in str(e) and "guichet job-key" in str(e), e
    else:
        raise AssertionError("no file is a key")


def session():
    """Who signed in with guichet login says nothing: neither gateway nor token."""
    for name in ("GUICHET_SERVER", "GUICHET_TOKEN_FILE", "GUICHET_JOB_KEY"):
        os.environ.pop(name, None)
    site = guichet.connect()
    assert numbers(site.dataset(AGREEMENT, columns=["n"])) == list(range(ROWS))
    assert site.token() == site.token() and pickle.loads(pickle.dumps(site)).token()
    assert guichet.connect("http://127.0.0.1:9").token() is None, "a token goes to another gateway"
    home = os.environ["GUICHET_HOME"]
    kept = os.path.join(home, "session.json")
    os.chmod(os.path.join(home, "secret"), 0o644)
    cases = [(lambda: guichet.connect().token(), "chmod 600")]
    with open(kept, encoding="utf-8") as f:
        text = f.read()
    stranger = text.replace('"client_id":"', '"client_id":"no-such-')
    for change, word in ((text[:20], "sign in again"), (stranger, "gave no token for the client no-such-")):

        def changed(change=change):
            os.chmod(os.path.join(home, "secret"), 0o600)
            with open(kept, "w", encoding="utf-8") as f:
                f.write(change)
            return guichet.connect().token()

        cases.append((changed, word))
    for call, word in cases:
        try:
            call()
        except guichet.GuichetError as e:
            assert word in str(e), (word, str(e))
        else:
            raise AssertionError(f"nothing is said of {word}")


def person():
    """Who signed in with a browser says nothing either: her tokens are read, and renewed once for all programs."""
    for name in ("GUICHET_SERVER", "GUICHET_TOKEN_FILE", "GUICHET_JOB_KEY"):
        os.environ.pop(name, None)
    kept = os.path.join(os.environ["GUICHET_HOME"], "tokens.json")
    with open(kept, encoding="utf-8") as f:
        first = json.load(f)
    assert guichet.connect().token() == first["access_token"]
    with open(kept, "w", encoding="utf-8") as f:
        json.dump({**first, "until": "2026-01-01T00:00:00.5Z"}, f)
    code = "import guichet; print(guichet.connect().token())"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(3)]
    tokens = {p.communicate()[0].decode().strip() for p in both}
    assert len(tokens) == 1 and first["access_token"] not in tokens and all(p.returncode == 0 for p in both), tokens
    assert os.stat(kept).st_mode & 0o777 == 0o600
    with open(kept, encoding="utf-8") as f:
        second = json.load(f)
    assert second["refresh_token"] != first["refresh_token"]
    assert numbers(guichet.connect().dataset(AGREEMENT, columns=["n"])) == list(range(ROWS))
    os.chmod(kept, 0o644)
    cases = [(lambda: guichet.connect().token(), "chmod 600")]

    def changed(**change):
        def call():
            os.chmod(kept, 0o600)
            with open(kept, "w", encoding="utf-8") as f:
                json.dump({**second, **change}, f)
            return guichet.connect().token()

        return call

    cases += [
        (changed(issuer="https://other.example"), "sign in again"),
        (changed(until="soon"), "sign in again"),
        (changed(until="2026-01-01T00:00:00Z", refresh_token=first["refresh_token"]), "gave no token"),
    ]
    for call, word in cases:
        try:
            call()
        except guichet.GuichetError as e:
            assert word in str(e), (word, str(e))
        else:
            raise AssertionError(f"nothing is said of {word}")


def signed_by_library():
    """cryptography is what signs where it is installed."""
    import cryptography  # noqa: F401

    job()


def ordered():
    """What a seed does to rows is computed here too, as the shared vectors say and as streams do."""
    with open(os.environ["VECTORS"], encoding="utf-8") as f:
        vectors = [c for c in json.load(f)["vectors"] if not c["chain"]]
    assert len(vectors) > 5
    for case in vectors:
        stored = [[s, r] for s, rows in enumerate(case["shards"]) for r in range(rows)]
        shuffle = {"order": 2, "window_rows": case["n"]}
        split = {"rows": len(stored), "shards": [{"rows": rows} for rows in case["shards"]], "shuffle": shuffle}
        for rank, part in enumerate(case["parts"]):

            def got(**options):
                pieces = guichet.order(split, seed=int(case["seed"]), epoch=case["epoch"], world=case["world"], rank=rank, **options)
                return [stored[i] for piece in pieces for i in piece.to_pylist()]

            assert got() == part, (case, rank)
            assert got(even="drop") == part[: min(map(len, case["parts"]))], (case, rank)
            assert got(skip=len(part) // 3) == part[len(part) // 3 :], (case, rank)
    site = guichet.connect()
    (split,) = site.dataset(AGREEMENT).manifest()["tables"]
    for seed in (None, 5):
        for rank, world in ((0, 1), (2, 3)):
            rows = [n for piece in guichet.order(split, seed=seed, epoch=1, rank=rank, world=world, even="drop") for n in piece.to_pylist()]
            assert rows == numbers(site.dataset(AGREEMENT, seed=seed, epoch=1, rank=rank, world=world, even="drop")), (seed, rank, world)
    for bad in (dict(rank=3, world=3), dict(even="pad")):
        try:
            next(guichet.order(split, seed=1, **bad))
        except guichet.GuichetError:
            continue
        raise AssertionError(f"{bad} is taken")


def files():
    """What opens addresses through fsspec reads guichet://."""
    import concurrent.futures

    import datasets
    import duckdb
    import fsspec
    import pandas
    import polars
    import pyarrow as pa
    import pyarrow.dataset as ds
    import pyarrow.ipc as ipc

    fs, root = fsspec.url_to_fs(f"guichet://{AGREEMENT}")
    (folder,) = fs.glob(f"{root}/*/*/*")
    version = folder.split("/")[1]
    names = [f"{folder}/{i:05}.arrow" for i in range(2)]
    assert fs.find(root) == names and fs.ls(folder, detail=False) == names and fs.ls(root, detail=False) == [f"{root}/{version}"]
    assert all(f["size"] > 1 << 20 and f["ETag"] for f in fs.ls(folder)) and fs.isdir(folder) and fs.isfile(names[0])
    whole = pa.concat_tables(ipc.open_file(fs.open(name)).read_all() for name in names)
    assert whole.column("n").to_pylist() == list(range(ROWS))

    # ranges, as a slice of the whole
    data, size = fs.cat_file(names[0]), fs.size(names[0])
    assert len(data) == size and data[:6] == data[-6:] == b"ARROW1"
    cuts = [(None, 6), (-6, None), (100, 200), (size - 1, None), (size, None), (size + 9, None), (5, 5), (10, -10), (0, size + 5)]
    got = fs.cat_ranges([names[0]] * len(cuts), [a for a, _ in cuts], [b for _, b in cuts])
    assert got == [data[a:b] for a, b in cuts]
    with fs.open(names[0]) as f:
        pieces = [f.read(n) for n in (6, 2, 1 << 20, 1, 3_000_000)]
        assert b"".join(pieces) == data[: sum(map(len, pieces))] and f.tell() == min(size, 4_048_585)
        for at, n in ((size - 10, 10), (1000, 50), (1050, 50), (1100, 1 << 20), (0, 8)):
            f.seek(at)
            assert f.read(n) == data[at : at + n], at
    again = pickle.loads(pickle.dumps(fs))
    assert again.cat_file(names[1], 0, 6) == b"ARROW1"

    # other libraries
    address = "guichet://" + names[0]
    first = ROWS // 2
    assert pandas.read_feather(address)["n"].tolist() == list(range(first))
    named = {"url": os.environ["GUICHET_SERVER"], "token": open(os.environ["GUICHET_TOKEN_FILE"]).read()}
    assert len(pandas.read_feather(address, columns=["n"], storage_options=named)) == first
    data = ds.dataset(folder, filesystem=fs, format="ipc")
    assert data.count_rows() == ROWS and data.to_table(columns=["n"]).column("n").to_pylist() == list(range(ROWS))
    assert ds.dataset(f"fsspec+guichet://{folder}", format="ipc").head(5).column("n").to_pylist() == [0, 1, 2, 3, 4]
    assert polars.read_ipc(fs.open(names[1]))["n"][0] == first
    assert polars.scan_pyarrow_dataset(data).select(polars.len()).collect().item() == ROWS
    duckdb.register_filesystem(fs)
    assert duckdb.sql(f"SELECT size FROM read_blob('{address}')").fetchall() == [(size,)]
    assert duckdb.sql("SELECT count(*), max(n) FROM data").fetchall() == [(ROWS, ROWS - 1)]
    everything = {"train": [f"guichet://{name}" for name in names]}
    for streaming in (True, False):
        rows = datasets.load_dataset("arrow", data_files=everything, split="train", streaming=streaming)
        assert next(iter(rows)) == {"n": 0, "word": "word 0"}
        assert sum(len(b["n"]) for b in rows.iter(10_000)) == ROWS
    one = fsspec.filesystem("guichet", columns=["word"])
    assert ipc.open_file(one.open(names[0])).schema.names == ["word"]

    # several threads at once, with leases that end meanwhile
    for lease in fs._leases.values():
        lease._answer["token"] = "ended"
    with concurrent.futures.ThreadPoolExecutor(8) as several:
        assert {len(b) for b in several.map(lambda i: fs.cat_file(names[i % 2], 0, 1 << 20), range(16))} == {1 << 20}

    # what is not there, and who writes
    missing = ("00002.arrow", "2.arrow", "00000.parquet", "../no-such", "../../no-such", "../../../no-such")
    for path in (*(os.path.normpath(f"{folder}/{name}") for name in missing), "agr-aaaaaaaaaaaaaaaaaaaa"):
        assert not fs.exists(path), path
        for call in (fs.info, fs.ls):
            try:
                call(path)
            except FileNotFoundError as e:
                assert len(str(e)) > 20, e
            else:
                raise AssertionError(f"{path} is there")
    for mode in ("wb", "ab", "xb"):
        try:
            fs.open(names[0], mode)
        except OSError as e:
            assert "read-only" in str(e), e
        else:
            raise AssertionError("it is written to")


def files_ended():
    """A revocation is an error of every reader, never an empty or short file."""
    import fsspec

    fs, root = fsspec.url_to_fs(f"guichet://{AGREEMENT}")
    path = fs.find(root)[0]
    f = fs.open(path)
    assert f.read(6) == b"ARROW1"
    with open(os.environ["PROVIDER_TOKEN_FILE"], encoding="utf-8") as token:
        guichet.connect(token=token.read()).post(f"/agreements/{AGREEMENT}/revoke", {"reason": "the consent was withdrawn"})
    other = fsspec.filesystem("guichet", skip_instance_cache=True)
    for call in (lambda: f.read(100), lambda: fs.cat_file(path, 0, 9), lambda: other.exists(path)):
        try:
            call()
        except PermissionError as e:
            assert "the consent was withdrawn" in str(e), e
        else:
            raise AssertionError("it is read on")


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

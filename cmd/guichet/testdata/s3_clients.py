"""Reads one agreement through the S3 face with clients that know nothing of Guichet.

Usage: s3_clients.py WHAT…; in the environment ENDPOINT, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
BUCKET, FILES (a folder that has every shard under its key, as the HTTP door gives it), FOREIGN (a
bucket that the key does not open). Prints "ok WHAT" for each. What is compared are the bytes, or
the rows where a client gives no bytes.
"""
import contextlib, glob, io, os, subprocess, sys, tempfile

E = os.environ
ENDPOINT, BUCKET, FILES, FOREIGN = E["ENDPOINT"], E["BUCKET"], E["FILES"], E["FOREIGN"]
KEY, SECRET = E["AWS_ACCESS_KEY_ID"], E["AWS_SECRET_ACCESS_KEY"]
WANT = {os.path.relpath(p, FILES): open(p, "rb").read() for p in sorted(glob.glob(FILES + "/**/*.arrow", recursive=True))}
FIRST = min(WANT)
FOLDER = FIRST.rsplit("/", 1)[0]
SIZES = {k: len(v) for k, v in WANT.items()}


@contextlib.contextmanager
def refused(*words):
    try:
        yield
    except Exception as e:
        for w in words:
            assert w in f"{type(e).__name__}: {e}", f"{w!r} is not in {type(e).__name__}: {e}"
        return
    raise AssertionError("nothing was refused")


def rows(tables):
    import pyarrow as pa
    return pa.concat_tables(tables)


def wanted():
    import pyarrow.ipc as ipc
    return rows([ipc.open_file(io.BytesIO(WANT[k])).read_all() for k in WANT])


def boto3_():
    import boto3
    from botocore.config import Config
    s3 = boto3.client("s3", endpoint_url=ENDPOINT)
    assert [b["Name"] for b in s3.list_buckets()["Buckets"]] == [BUCKET]
    s3.head_bucket(Bucket=BUCKET)
    s3.get_bucket_location(Bucket=BUCKET)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 1})
    listed = {o["Key"]: o for p in pages for o in p.get("Contents", [])}
    assert {k: o["Size"] for k, o in listed.items()} == SIZES, listed
    top = s3.list_objects_v2(Bucket=BUCKET, Delimiter="/")
    assert [p["Prefix"] for p in top["CommonPrefixes"]] == [FIRST.split("/")[0] + "/"] and "Contents" not in top
    assert [o.key for o in boto3.resource("s3", endpoint_url=ENDPOINT).Bucket(BUCKET).objects.all()] == list(WANT)
    for k, want in WANT.items():
        head = s3.head_object(Bucket=BUCKET, Key=k)
        assert head["ContentLength"] == len(want) and head["ETag"] == listed[k]["ETag"] and head["LastModified"] == listed[k]["LastModified"]
        got = s3.get_object(Bucket=BUCKET, Key=k)
        assert got["Body"].read() == want and got["ETag"] == head["ETag"]
        for spec, part in {"bytes=0-9": want[:10], "bytes=100-": want[100:], "bytes=-20": want[-20:], f"bytes=-{2 * len(want)}": want,
                           f"bytes=5-{10 * len(want)}": want[5:]}.items():
            got = s3.get_object(Bucket=BUCKET, Key=k, Range=spec, IfMatch=head["ETag"])
            assert got["ResponseMetadata"]["HTTPStatusCode"] == 206 and got["Body"].read() == part, spec
            assert got["ContentRange"].endswith(f"/{len(want)}")
        into = io.BytesIO()
        s3.download_fileobj(BUCKET, k, into)
        assert into.getvalue() == want
        with refused("InvalidRange"):
            s3.get_object(Bucket=BUCKET, Key=k, Range=f"bytes={len(want)}-")
        with refused("PreconditionFailed"):
            s3.get_object(Bucket=BUCKET, Key=k, IfMatch='"another"')
        with refused("304"):
            s3.get_object(Bucket=BUCKET, Key=k, IfNoneMatch=head["ETag"])
        with refused("304"):
            s3.get_object(Bucket=BUCKET, Key=k, IfModifiedSince=head["LastModified"])
    with refused("NoSuchKey"):
        s3.get_object(Bucket=BUCKET, Key=FOLDER + "/99999.arrow")
    with refused("NoSuchBucket", FOREIGN):
        s3.list_objects_v2(Bucket=FOREIGN)
    with refused("MethodNotAllowed", "read-only"):
        s3.put_object(Bucket=BUCKET, Key=FIRST, Body=b"x")
    with refused("MethodNotAllowed"):
        s3.delete_object(Bucket=BUCKET, Key=FIRST)
    with refused("SignatureDoesNotMatch"):
        boto3.client("s3", endpoint_url=ENDPOINT, aws_secret_access_key="other", aws_access_key_id=KEY).list_buckets()
    with refused("InvalidAccessKeyId", "guichet lease"):
        boto3.client("s3", endpoint_url=ENDPOINT, aws_secret_access_key="other", aws_access_key_id="AKIAEXAMPLE").list_buckets()
    import urllib.request
    with refused("403"):
        urllib.request.urlopen(s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": FIRST}))


def awscli():
    def aws(*args):
        out = subprocess.run([sys.executable, "-m", "awscli", "--endpoint-url", ENDPOINT, "--region", "eu-west-7", *args], capture_output=True)
        assert out.returncode == 0, out.stderr.decode()
        return out.stdout
    assert BUCKET.encode() in aws("s3", "ls")
    for k, size in SIZES.items():
        assert f"{size} {k}".encode() in aws("s3", "ls", "--recursive", f"s3://{BUCKET}/")
    assert aws("s3", "cp", f"s3://{BUCKET}/{FIRST}", "-") == WANT[FIRST]
    with tempfile.TemporaryDirectory() as to:
        for _ in range(2):
            last = aws("s3", "sync", f"s3://{BUCKET}", to)
        assert last == b"", "a second sync copies again"
        assert {k: open(f"{to}/{k}", "rb").read() for k in WANT} == WANT


def s3fs_():
    import s3fs
    fs = s3fs.S3FileSystem(client_kwargs={"endpoint_url": ENDPOINT}, skip_instance_cache=True)
    assert fs.ls("") == [BUCKET] and fs.exists(BUCKET) and fs.isdir(f"{BUCKET}/{FOLDER}") and not fs.exists(f"{BUCKET}/none")
    assert fs.glob(f"{BUCKET}/**/*.arrow") == [f"{BUCKET}/{k}" for k in WANT] == fs.find(BUCKET)
    for k, want in WANT.items():
        assert fs.info(f"{BUCKET}/{k}")["size"] == len(want)
        assert fs.cat(f"{BUCKET}/{k}") == want
        with fs.open(f"{BUCKET}/{k}") as f:
            f.seek(len(want) // 2)
            assert f.read(10) == want[len(want) // 2:][:10]
    with refused("FileNotFoundError"):
        fs.open(f"{BUCKET}/{FOLDER}/99999.arrow")
    with refused("FileNotFoundError"):
        fs.ls(FOREIGN)
    with refused("read-only"):
        fs.pipe(f"{BUCKET}/{FIRST}", b"x")
    with refused("PermissionError"):
        s3fs.S3FileSystem(client_kwargs={"endpoint_url": ENDPOINT}, key=KEY, secret="other").cat(f"{BUCKET}/{FIRST}")


def pyarrow_():
    import pyarrow.dataset as ds, pyarrow.ipc as ipc, pyarrow.fs as pafs
    scheme, host = ENDPOINT.split("://")
    fs = pafs.S3FileSystem(endpoint_override=host, scheme=scheme)
    info = fs.get_file_info([f"{BUCKET}/{FIRST}", f"{BUCKET}/{FOLDER}", f"{BUCKET}/none", BUCKET])
    assert [i.type.name for i in info] == ["File", "Directory", "NotFound", "Directory"] and info[0].size == SIZES[FIRST]
    assert [i.path for i in fs.get_file_info(pafs.FileSelector(f"{BUCKET}/{FOLDER}"))] == [f"{BUCKET}/{k}" for k in WANT]
    assert fs.get_file_info(pafs.FileSelector(""))[0].path == BUCKET
    with fs.open_input_file(f"{BUCKET}/{FIRST}") as f:
        assert f.read_at(10, 3) == WANT[FIRST][3:13] and ipc.open_file(f).read_all() == rows([ipc.open_file(io.BytesIO(WANT[FIRST])).read_all()])
    data = ds.dataset(f"{BUCKET}/{FOLDER}", format="ipc", filesystem=fs)
    assert data.to_table() == wanted()
    one = wanted().column_names[0]
    assert data.to_table(columns=[one]) == wanted().select([one])
    with refused("does not exist"):
        fs.open_input_file(f"{BUCKET}/{FOLDER}/99999.arrow")
    other = pafs.S3FileSystem(endpoint_override=host, scheme=scheme, access_key=KEY, secret_key="other")
    with refused("ACCESS_DENIED"):
        other.open_input_file(f"{BUCKET}/{FIRST}")


def polars_():
    import polars as pl
    options = {"endpoint_url": ENDPOINT, "aws_access_key_id": KEY, "aws_secret_access_key": SECRET, "aws_region": "us-east-1", "aws_allow_http": "true"}
    want = pl.from_arrow(wanted())
    assert pl.scan_ipc(f"s3://{BUCKET}/{FOLDER}/*.arrow", storage_options=options).collect().equals(want)
    assert pl.scan_ipc(f"s3://{BUCKET}/{FOLDER}/", storage_options=options).collect().equals(want)
    one = want.columns[0]
    assert pl.scan_ipc(f"s3://{BUCKET}/**/*.arrow", storage_options=options).select(one).collect().equals(want.select(one))
    assert pl.read_ipc(f"s3://{BUCKET}/{FIRST}", storage_options=options, use_pyarrow=False).height
    with refused("403"):
        pl.scan_ipc(f"s3://{BUCKET}/{FIRST}", storage_options=options | {"aws_secret_access_key": "other"}).collect()


def duckdb_():
    import duckdb, importlib.metadata
    ext = [f for f in importlib.metadata.files("duckdb-ext-httpfs") if f.name == "httpfs.duckdb_extension"][0].locate()
    db = duckdb.connect()
    db.execute(f"LOAD '{ext}'")
    scheme, host = ENDPOINT.split("://")
    db.execute(f"CREATE SECRET (TYPE s3, KEY_ID '{KEY}', SECRET '{SECRET}', ENDPOINT '{host}', URL_STYLE 'path', USE_SSL {scheme == 'https'})")
    got = db.execute(f"SELECT filename, size, content FROM read_blob('s3://{BUCKET}/{FOLDER}/*.arrow') ORDER BY filename").fetchall()
    assert [(f, s, c) for f, s, c in got] == [(f"s3://{BUCKET}/{k}", len(v), v) for k, v in WANT.items()]
    assert db.execute(f"SELECT content FROM read_blob('s3://{BUCKET}/{FIRST}')").fetchall() == [(WANT[FIRST],)]
    with refused("404"):
        db.execute(f"SELECT content FROM read_blob('s3://{BUCKET}/{FOLDER}/99999.arrow')").fetchall()


def rclone():
    quiet = {k: v for k, v in E.items() if k != "AWS_CA_BUNDLE"} # with it rclone 1.60 makes no client
    config = f"[r]\ntype = s3\nprovider = Other\nendpoint = {ENDPOINT}\naccess_key_id = {KEY}\nsecret_access_key = {SECRET}\n"
    with tempfile.TemporaryDirectory() as to:
        open(f"{to}/rclone.conf", "w").write(config)
        def run(*args):
            out = subprocess.run(["rclone", "--config", f"{to}/rclone.conf", "--retries", "1", *args], capture_output=True, env=quiet)
            assert out.returncode == 0, out.stderr.decode()
            return out.stdout
        assert BUCKET.encode() in run("lsd", "r:")
        assert sorted(l.split()[1].decode() for l in run("ls", f"r:{BUCKET}").splitlines()) == list(WANT)
        for _ in range(2):
            run("copy", f"r:{BUCKET}", f"{to}/all")
        assert {k: open(f"{to}/all/{k}", "rb").read() for k in WANT} == WANT
        run("check", f"r:{BUCKET}", f"{to}/all")
        assert run("cat", "--offset", "7", "--count", "20", f"r:{BUCKET}/{FIRST}") == WANT[FIRST][7:27]


for what in sys.argv[1:]:
    globals().get(what + "_", globals().get(what))()
    print("ok", what, flush=True)

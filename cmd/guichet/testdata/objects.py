"""Reads one agreement's objects by range, through HTTP or the S3 face, with clients that know
nothing of Guichet.

Usage: objects.py boto3 | s3fs | kit; in the environment ENDPOINT, BUCKET, the AWS keys, KEY (of an
object) and FILE (that has its bytes). Prints "ok WHAT".
"""
import os, sys

E = os.environ
ENDPOINT, BUCKET, KEY = E["ENDPOINT"], E["BUCKET"], E["KEY"]
WANT = open(E["FILE"], "rb").read()


def boto3_():
    import boto3
    from botocore.exceptions import ClientError
    s3 = boto3.client("s3", endpoint_url=ENDPOINT)
    listed = {o["Key"]: o for p in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 2})
              for o in p.get("Contents", [])}
    assert listed[KEY]["Size"] == len(WANT), listed
    head = s3.head_object(Bucket=BUCKET, Key=KEY)
    assert head["ContentLength"] == len(WANT) and head["ContentType"] == "image/png" and head["ETag"] == listed[KEY]["ETag"], head
    assert s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == WANT
    part = s3.get_object(Bucket=BUCKET, Key=KEY, Range="bytes=1000000-1000099", IfMatch=head["ETag"])
    assert part["Body"].read() == WANT[1000000:1000100] and part["ContentRange"] == f"bytes 1000000-1000099/{len(WANT)}"
    folders = s3.list_objects_v2(Bucket=BUCKET, Prefix=KEY.rsplit("/", 2)[0] + "/", Delimiter="/")["CommonPrefixes"]
    assert [f["Prefix"] for f in folders] == [KEY.rsplit("/", 1)[0] + "/"], folders
    for wrong in (KEY + "x", KEY.rsplit("/", 1)[0], KEY + "/"):
        try:
            s3.get_object(Bucket=BUCKET, Key=wrong)
        except ClientError as e:
            assert e.response["Error"]["Code"] == "NoSuchKey", e
        else:
            raise AssertionError(f"{wrong} is there")


def s3fs_():
    import s3fs
    fs = s3fs.S3FileSystem(endpoint_url=ENDPOINT)
    assert f"{BUCKET}/{KEY}" in fs.glob(f"{BUCKET}/**/*.png")
    with fs.open(f"{BUCKET}/{KEY}", block_size=1 << 16) as f:
        f.seek(1000000)
        assert f.read(100) == WANT[1000000:1000100]
        f.seek(-7, 2)
        assert f.read() == WANT[-7:]
    assert fs.cat_file(f"{BUCKET}/{KEY}") == WANT


def kit_():
    import fsspec
    fs = fsspec.filesystem("guichet", url=E["BASE"], token=E["TOKEN"])
    path = f"{BUCKET}/{KEY}"
    folder = path.rsplit("/", 3)[0]
    assert path in fs.find(folder) and len(fs.find(folder)) == 4 and fs.isdir(path.rsplit("/", 1)[0]), fs.find(folder)
    assert fs.ls(path.rsplit("/", 1)[0], detail=False) == [path] and fs.glob(f"{folder}/**/*.png") == [path]
    info = fs.info(path)
    assert info["size"] == len(WANT) and info["content_type"] == "image/png" and fs.cat_file(path) == WANT
    with fs.open(path) as f:
        f.seek(1000000)
        assert f.read(100) == WANT[1000000:1000100]
    (dicom,) = fs.glob(f"{folder}/scans/*.dcm")
    assert fs.cat_file(dicom, 128, 132) == b"DICM" and fs.cat_file(f"{folder}/notes.txt") == b""
    for wrong in (path + "x", path + "/x", f"{folder}/00000.arrow"):
        try:
            fs.cat_file(wrong)
        except FileNotFoundError:
            continue
        raise AssertionError(f"{wrong} is there")


for what in sys.argv[1:]:
    globals()[what + "_"]()
    print("ok", what)

"""The shards and objects of agreements as files, for what opens addresses through fsspec: pandas, pyarrow,
polars, DuckDB, Hugging Face datasets.

In: addresses guichet://AGREEMENT/VERSION/TABLE/SPLIT/00000.arrow, the names of the S3 face, where an
object has its own name. Out: Arrow IPC files as the agreement shows them, objects as they are, read-only. Always: a read gives the bytes that it
asked for or raises; leases are renewed; a file's bytes never change, a newer version is another
folder. What the gateway refuses is a PermissionError or a FileNotFoundError in its words.

    pandas.read_feather("guichet://agr-…/v1/trips/train/00000.arrow")
    fs = fsspec.filesystem("guichet", url="https://guichet.example", token=pathlib.Path("token").read_text)
    pyarrow.dataset.dataset("fsspec+guichet://agr-…/v1/trips/train", format="ipc")
    pyarrow.dataset.dataset("agr-…/v1/trips/train", filesystem=fs, format="ipc")

Reading in pieces charges the rows whose batches a piece touches. Rows come in stored order; see
guichet.order.
"""

from __future__ import annotations

import datetime
import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Iterable, Sequence
from urllib.parse import quote

from fsspec.caching import BaseCache
from fsspec.spec import AbstractBufferedFile, AbstractFileSystem

from ._errors import Refused
from ._http import query
from ._site import Lease, Site, Token, connect

RUN, LONGEST = 4 << 20, 64 << 20  # bytes that are read ahead of who reads on


class GuichetFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """A gateway's agreements, as folders of files.

    site: of guichet.connect; else url, token, job_key and ca are given to it.
    columns: of the tables, all when left out; a file without the others is another file.
    run: the id of a run that the releases name.
    """

    protocol = "guichet"
    root_marker = ""

    def __init__(
        self,
        site: Site | None = None,
        *,
        url: str | None = None,
        token: Token = None,
        job_key: str | os.PathLike[str] | None = None,
        ca: str | None = None,
        columns: Sequence[str] | None = None,
        run: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._site = site or connect(url, token, job_key=job_key, ca=ca)
        self._columns, self._run = list(columns) if columns else None, run
        self._lock = threading.Lock()
        self._leases: dict[tuple[str, str | None], Lease] = {}
        self._manifests: dict[tuple[str, str | None], dict[str, Any]] = {}
        self._files: dict[str, dict[str, Any]] = {}  # what was asked of a file

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        path = self._strip_protocol(path).strip("/")
        names = path.split("/")
        if not path:
            raise FileNotFoundError(errno.ENOENT, "say which agreement: guichet://agr-…")
        if _shard(names) is not None:
            found = [path]
        else:
            depth = len(names) + 1
            files = self._named(names)
            below = ("/".join(f.split("/")[:depth]) for f in files if f.startswith(path + "/"))
            found = [path] if path in files else list(dict.fromkeys(below))
        if not found:
            raise FileNotFoundError(errno.ENOENT, f"there is no {path!r} in the agreement: {', '.join(self._tables(names))}")
        return [self.info(f) for f in found] if detail else sorted(found)

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        path = self._strip_protocol(path).strip("/")
        names = path.split("/")
        found = self._files.get(path)
        if found is None and _shard(names) is not None:
            try:
                size, tag = self._measured(path)
            except Refused:  # a table of objects has no shards
                if path in self._named(names):
                    raise
                raise FileNotFoundError(errno.ENOENT, f"there is no {path!r} in the agreement: {', '.join(self._tables(names))}") from None
            found = self._files[path] = {"name": path, "size": size, "type": "file", "ETag": tag}
        if found is None and path:
            files = self._named(names)
            o = files.get(path)
            if o:
                tag = f'"{o["sha256"]}"'
                found = {"name": path, "size": o["size"], "type": "file", "ETag": tag, "content_type": o["media_type"]}
                self._files[path] = found
            elif not any(f.startswith(path + "/") for f in files):
                raise FileNotFoundError(errno.ENOENT, f"there is no {path!r} in the agreement: {', '.join(self._tables(names))}")
        return dict(found) if found else {"name": path, "size": 0, "type": "directory"}

    def exists(self, path: str, **kwargs: Any) -> bool:
        try:
            self.info(path)
        except FileNotFoundError:
            return False
        return True

    def ukey(self, path: str) -> str:
        return f"{self._strip_protocol(path)} {self.info(path).get('ETag')} {self._columns}"

    def checksum(self, path: str) -> int:
        return hash(self.ukey(path))

    def modified(self, path: str) -> datetime.datetime:
        """The same for all: the bytes under an address never change."""
        self.info(path)
        return datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        found = self.info(path)
        size = found["size"]
        first, last, _ = slice(start, end).indices(size)
        if found["type"] != "file":
            raise IsADirectoryError(errno.EISDIR, f"{path} is a folder")
        return self._range(found["name"], first, last, found["ETag"]) if first < last else b""

    def cat_ranges(
        self, paths: Sequence[str], starts: Any, ends: Any, max_gap: int | None = None, on_error: str = "return", **kwargs: Any
    ) -> list[Any]:
        starts = starts if isinstance(starts, Iterable) else [starts] * len(paths)
        ends = ends if isinstance(ends, Iterable) else [ends] * len(paths)

        def one(ask: tuple[str, int | None, int | None]) -> Any:
            try:
                return self.cat_file(*ask)
            except Exception as e:
                if on_error == "return":
                    return e
                raise

        with ThreadPoolExecutor(8) as several:
            return list(several.map(one, zip(paths, starts, ends)))

    def _open(self, path: str, mode: str = "rb", block_size: Any = None, cache_options: Any = None, **kwargs: Any) -> _File:
        if mode != "rb":
            raise OSError(errno.EROFS, f"{path} is read-only: an agreement's data are published by their provider")
        return _File(self, path, size=self.info(path)["size"], **kwargs)

    def _lease(self, agreement: str, version: str | None) -> Lease:
        with self._lock:
            return self._leases.setdefault((agreement, version), Lease(self._site, agreement, version, self._run))

    def _manifest(self, names: Sequence[str]) -> dict[str, Any]:
        agreement, version = names[0], names[1] if len(names) > 1 else None
        found = self._manifests.get((agreement, version))
        if found is None:
            path = f"/agreements/{agreement}/manifest" + query({"version": version})
            found = self._asked(agreement, version, lambda token: self._site._http.call("GET", path, token))
            self._manifests[agreement, found["version"]] = found
        return found

    def _named(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        """All files of the version that a path names, of the latest where it names none; of an
        object what the manifest says of it."""
        m, out = self._manifest(names), {}
        for t in m["tables"]:
            folder = f"{names[0]}/{m['version']}/{t['table']}/{t['split']}"
            out.update({f"{folder}/{i:05}.arrow": {} for i in range(len(t["shards"] or ()))})
            out.update({f"{folder}/{o['name']}": o for o in t.get("objects", ())})
        return out

    def _tables(self, names: Sequence[str]) -> list[str]:
        m = self._manifest(names[:1])
        return [f"{m['version']}/{t['table']}/{t['split']}" for t in m["tables"]]

    def _asked(self, agreement: str, version: str | None, call: Any) -> Any:
        try:
            return self._lease(agreement, version).use(call)
        except Refused as r:
            if r.status == 404:
                raise FileNotFoundError(errno.ENOENT, str(r)) from r
            if r.status in (401, 403, 410):
                raise PermissionError(errno.EACCES, str(r)) from r
            raise

    def _at(self, path: str) -> tuple[str, str, str]:
        """Agreement, version and address of a file."""
        agreement, version, table, split, name = path.split("/", 4)
        shard = _shard(path.split("/"))
        if shard is None:
            asked = query({"version": version, "run": self._run})
            return agreement, version, f"/agreements/{agreement}/objects/{table}/{split}/{quote(name)}{asked}"
        asked = query({"version": version, "columns": self._columns, "run": self._run})
        return agreement, version, f"/agreements/{agreement}/tables/{table}/{split}/{shard}.arrow{asked}"

    def _measured(self, path: str) -> tuple[int, str]:
        """Size and ETag. Where a HEAD does not say them, the first byte is asked for: a file whose
        rows are counted while it is made has a size only then."""
        agreement, version, address = self._at(path)

        def head(token: str) -> tuple[int, str]:
            with self._site._http.open("HEAD", address, token) as answer:
                if answer.headers["Content-Length"] is not None:
                    return int(answer.headers["Content-Length"]), answer.headers["ETag"]
            with self._site._http.open("GET", address, token, headers={"Range": "bytes=0-0"}) as answer:
                answer.read()
                return int(answer.headers["Content-Range"].rpartition("/")[2]), answer.headers["ETag"]

        return self._asked(agreement, version, head)  # type: ignore[no-any-return]

    def _range(self, path: str, first: int, end: int, tag: str) -> bytes:
        agreement, version, address = self._at(path)
        asked = {"Range": f"bytes={first}-{end - 1}", "If-Match": tag}

        def get(token: str) -> bytes:
            with self._site._http.open("GET", address, token, headers=asked) as answer:
                got = answer.read()
                said = answer.headers["Content-Range"] or ""
                if answer.status != 206 or not said.startswith(f"bytes {first}-{end - 1}/") or len(got) != end - first:
                    raise OSError(errno.EIO, f"{len(got)} bytes of {path} came where {end - first} were asked for")
            return got

        return self._asked(agreement, version, get)  # type: ignore[no-any-return]


def _shard(names: Sequence[str]) -> int | None:
    """The number of the shard that a path names."""
    digits = names[-1].removesuffix(".arrow")
    if len(names) != 5 or digits == names[-1] or len(digits) != 5 or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits)


class _File(AbstractBufferedFile):  # type: ignore[misc]
    def __init__(self, fs: GuichetFileSystem, path: str, size: int, cache_type: str | None = None, **kwargs: Any) -> None:
        super().__init__(fs, path, "rb", size=size, cache_type=cache_type or "none", **kwargs)
        if cache_type is None:
            self.cache = _Runs(self.blocksize, self._fetch_range, size)

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self.fs.cat_file(self.path, start, end)  # type: ignore[no-any-return]


class _Runs(BaseCache):  # type: ignore[misc]
    """Scattered reads are ranges of their own, so that a look at a schema costs little; the second
    of two that follow each other begins a run, which is read ahead and grows."""

    name = "guichet-runs"

    def __init__(self, blocksize: int, fetcher: Any, size: int) -> None:
        super().__init__(blocksize, fetcher, size)
        self._first, self._kept, self._next, self._run = 0, b"", -1, RUN

    def _fetch(self, start: int | None, stop: int | None) -> bytes:
        start, stop, _ = slice(start, stop).indices(self.size)
        if start >= stop:
            return b""
        out = b""
        if self._first <= start < self._first + len(self._kept):
            out = self._kept[start - self._first : stop - self._first]
        if len(out) < stop - start:
            at = start + len(out)
            follows = start == self._next or bool(out)
            end = min(self.size, max(stop, at + self._run)) if follows else stop
            self._run = min(LONGEST, 2 * self._run) if follows else RUN
            got = self.fetcher(at, end)
            self._first, self._kept = at, got if follows else b""
            out += got[: stop - at]
        self._next = stop
        return out


__all__ = ["GuichetFileSystem"]

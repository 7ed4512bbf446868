"""Ranges of S3 by URL: the rows of a stream, read past the gateway where it gives URLs."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Iterator, Mapping

import pyarrow as pa

from ._errors import Broken
from ._order import permutation
from ._reading import Stop, joined

if TYPE_CHECKING:
    from ._dataset import Dataset

AHEAD = 4  # ranges that are under way at once
EARLY = 5.0  # seconds before its end in which a URL is not used any more
LEAST, MOST = 64 << 20, 1 << 30  # bytes of an answer: more while answers are read fast
SLOW = 20.0  # seconds that reading one may take
IDLE = 3  # answers without a row after each other
END = b"\xff\xff\xff\xff\x00\x00\x00\x00"

Job = tuple[dict[str, Any], dict[str, Any] | None]  # a piece, and a range of it


class ByURL:
    """Reads the rest of a part, over as many answers as it takes."""

    def __init__(self, data: Dataset, stop: Stop) -> None:
        self._data, self._stop = data, stop
        self._schema = base64.b64decode(data.manifest()["tables"][0]["schema"])
        self._dictionaries: dict[int, bytes] = {}  # of shards, while an answer lasts
        self._done, self._bytes = 0, LEAST

    def rows(self, done: int, renew: bool) -> Iterator[pa.RecordBatch]:
        """The rows of the part after so many of this reading. Raises Refused where the gateway gives
        no URLs; OSError and Broken, after which it goes on with others."""
        data, self._done, idle = self._data, done, 0
        while not self._stop.is_set():
            before, began = self._done, time.monotonic()
            ask = {**data._asked(before), "bytes": self._bytes}
            answer = data._site._http.call("POST", f"/agreements/{data.agreement}/ranges", data._lease.token(renew=renew), ask)
            data._part, renew = answer["part"], False
            if "release" in answer:
                data._releases.append(answer["release"])
            seconds = answer.get("seconds", 0)
            for batch in self._pieces(answer, began + seconds - min(EARLY, seconds / 4)):
                self._done += batch.num_rows
                yield batch
            if data._from + self._done >= answer["part"]:
                return
            idle = idle + 1 if self._done == before else 0
            if idle == IDLE:
                raise Broken(f"{idle} times no rows came by URL before the URLs were too old", self._done)
            fast = time.monotonic() - began < SLOW
            self._bytes = min(2 * self._bytes, MOST) if fast else max(self._bytes // 2, LEAST)

    def _pieces(self, answer: Mapping[str, Any], good: float) -> Iterator[pa.RecordBatch]:
        """The rows of an answer, as far as its URLs last."""
        self._dictionaries.clear()
        pool = concurrent.futures.ThreadPoolExecutor(AHEAD, "guichet-range")
        try:
            parts: list[pa.RecordBatch] = []
            for (piece, of), body in self._bodies(pool, answer["pieces"], good):
                if of is None:
                    yield from self._streamed(piece["rows"])
                elif of.get("dictionaries"):
                    self._dictionaries[of["shard"]] = self._dictionaries.get(of["shard"], b"") + body
                else:
                    batches = self._batches(of, body)
                    if of is piece["ranges"][-1]:
                        self._data._url_rows += piece["rows"]
                    if "window" not in piece:
                        yield from batches
                        continue
                    parts.extend(batches)
                    if of is piece["ranges"][-1]:
                        yield self._permuted(piece, parts)
                        parts = []
        except Stale:
            return  # whoever computes for long asks anew
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _bodies(self, pool: concurrent.futures.Executor, pieces: list[dict[str, Any]], good: float) -> Iterator[tuple[Job, bytearray]]:
        """What is at the URLs, in order, a few read ahead; nothing for rows that come by the stream."""
        jobs: Iterator[Job] = ((p, r) for p in pieces for r in p.get("ranges") or [None])
        under: deque[tuple[Job, concurrent.futures.Future[bytearray] | None]] = deque()
        for job in jobs:
            under.append((job, pool.submit(self._get, job[1], good) if job[1] else None))
            if len(under) > AHEAD:
                yield self._first(under)
        while under:
            yield self._first(under)

    def _first(self, under: deque[tuple[Job, concurrent.futures.Future[bytearray] | None]]) -> tuple[Job, bytearray]:
        job, body = under.popleft()
        return job, body.result() if body else bytearray()

    def _get(self, of: Mapping[str, Any], good: float) -> bytearray:
        """One range: all of its bytes."""
        if self._stop.is_set() or time.monotonic() > good:
            raise Stale("its URL is too old")
        body = bytearray(of["bytes"])
        with self._data._site._http.outside(of["url"], of["headers"]) as answer:
            got = 0
            while got < len(body) and not self._stop.is_set():
                n = answer.readinto(memoryview(body)[got:])
                if not n:
                    break
                got += n
            if got != len(body) or answer.status != 206:
                raise Broken(f"{got} of {len(body)} bytes came by URL, with status {answer.status}", 0)
        return body

    def _batches(self, of: Mapping[str, Any], body: bytearray) -> list[pa.RecordBatch]:
        """The rows that are taken of a range, over memory that is theirs alone."""
        text = b"".join((self._schema, self._dictionaries.get(of["shard"], b""), body, END))
        with pa.ipc.open_stream(pa.py_buffer(text)) as stream:
            batches = list(stream)
        if sum(b.num_rows for b in batches) != of["rows"]:
            raise Broken(f"{sum(b.num_rows for b in batches)} of {of['rows']} rows came by URL", 0)
        skip, take = of.get("skip", 0), of["take"]
        out = []
        for b in batches:
            part = b.slice(skip, take) if skip < b.num_rows else b.slice(0, 0)
            skip, take = max(0, skip - b.num_rows), take - part.num_rows
            if part.num_rows:
                out.append(part)
        return out

    def _permuted(self, piece: Mapping[str, Any], parts: list[pa.RecordBatch]) -> pa.RecordBatch:
        """A window's rows in their order."""
        window = piece["window"]
        order = permutation(self._data._ask["seed"], self._data.epoch, window["number"], window["rows"])
        return joined(parts).take(order.slice(window.get("from", 0), piece["rows"]))

    def _streamed(self, rows: int) -> Iterator[pa.RecordBatch]:
        """Rows that come by the stream, in their place."""
        with contextlib.closing(self._data._once(self._done, self._data._lease.token(), self._stop)) as batches:
            for batch in batches:
                part = batch.slice(0, rows)
                rows -= part.num_rows
                yield part
                if not rows:
                    return


class Stale(OSError):
    """URLs that are not used any more: others are asked for."""

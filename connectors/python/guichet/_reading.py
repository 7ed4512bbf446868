"""How batches are read: ahead, in a thread of its own, until somebody ends it."""

from __future__ import annotations

import atexit
import contextlib
import http.client
import os
import queue
import random
import socket
import threading
import time
from typing import Any, Iterator

import pyarrow as pa

ATTEMPTS = 8  # to go on, without a row between them
SLOWEST = 30.0  # seconds between two attempts


def joined(parts: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Neighbouring batches as one; their dictionaries may differ."""
    if len(parts) == 1:
        return parts[0]
    return pa.Table.from_batches(parts).unify_dictionaries().combine_chunks().to_batches()[0]


def pause(attempt: int, least: float | None, stop: Stop | None) -> None:
    """Waits longer each time, and never all at once."""
    wait = max(least or 0.0, min(SLOWEST, 0.25 * 2**attempt) * random.uniform(0.5, 1))
    if stop is None:
        time.sleep(wait)
    else:
        stop.wait(wait)


def ahead(batches: Iterator[pa.RecordBatch], n: int, stop: Stop) -> Iterator[pa.RecordBatch]:
    """Reads batches in a thread of its own, at most n ahead."""
    made: queue.Queue[Any] = queue.Queue(n)

    def put(item: Any) -> bool:
        while not stop.is_set():
            try:
                made.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for batch in batches:
                if not put(batch):
                    return
            put(None)
        except BaseException as e:  # noqa: BLE001 - it is raised where the batches are taken
            put(e)

    thread = threading.Thread(target=work, name="guichet-prefetch", daemon=True)

    def end() -> None:
        stop.set()
        thread.join(5)

    # A thread that pyarrow calls back when the interpreter is gone would abort the process.
    atexit.register(end)
    try:
        thread.start()
        while True:
            item = made.get()
            if item is None:
                return
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        end()
        atexit.unregister(end)


class Stop:
    """Ends a reading, also one that waits for the gateway."""

    def __init__(self) -> None:
        self._event, self._lock = threading.Event(), threading.Lock()
        self._answer: http.client.HTTPResponse | None = None
        self.is_set, self.wait = self._event.is_set, self._event.wait

    @contextlib.contextmanager
    def ending(self, answer: http.client.HTTPResponse) -> Iterator[None]:
        """Breaks off an answer that is being read when the end comes."""
        with self._lock:
            self._answer = answer
        try:
            yield
        finally:
            with self._lock:
                self._answer = None

    def set(self) -> None:
        """Ends it; from any thread, and more than once."""
        self._event.set()
        with self._lock:
            if self._answer is None or self._answer.isclosed():
                return
            with socket.socket(fileno=os.dup(self._answer.fileno())) as s, contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

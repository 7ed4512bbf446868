"""The data of an agreement: every row of a rank's part once, in an order that is fixed."""

from __future__ import annotations

import base64
import copy
import datetime
import http.client
import os
import warnings
from typing import TYPE_CHECKING, Any, Callable, Iterator, Sequence

import pyarrow as pa

from ._direct import ByURL
from ._errors import Broken, GuichetError, Refused
from ._http import query
from ._reading import ATTEMPTS, Stop, ahead, joined, pause

if TYPE_CHECKING:
    from ._site import Lease, Site

ORDER = 2  # what a seed does: windows of rows are permuted, and the rows of each
URL_ATTEMPTS = 3  # to read by URL, without a row between them
WARNING = datetime.timedelta(minutes=10)  # before an agreement ends


def _ranks() -> tuple[int, int]:
    """Rank and world of torchrun, else of Slurm, else of one process."""
    for rank, world in (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_NTASKS")):
        if rank in os.environ and world in os.environ:
            return int(os.environ[rank]), int(os.environ[world])
    return 0, 1


class Dataset:
    """The data of an agreement. Iterate to get the record batches of one epoch; the next
    iteration gives the next one, set_epoch says another. Not safe for several threads.

    columns, table, split, version: what; left out where there is one, the latest version.
    seed, epoch: the order of the rows, every one of them moved; without a seed as stored.
    rank, world: which part. Left out they are those of torchrun or Slurm, else 0 of 1.
    even: "drop" (the default of several ranks: all get as many rows, what is over is left
        out), "pad" (some rows come twice), "none".
    batch_size: rows of each batch, the last one aside; as the gateway sends them when left
        out. With it every rank has had as many rows after as many steps, which a resume on
        another world needs.
    prefetch: batches, as the gateway sends them, that a thread reads ahead; 0: none.
    run: the id of a run: rows that it reads again in an epoch are paid once.
    direct: read ranges straight from S3 where site and agreement give URLs, past the gateway; else
        the rows come by the stream, with a warning that says why.
    on_ending: called once, with the time at which the agreement ends, 10 minutes before.
    """

    def __init__(
        self,
        site: Site,
        agreement: str,
        *,
        columns: Sequence[str] | None = None,
        table: str | None = None,
        split: str | None = None,
        version: str | None = None,
        seed: int | None = None,
        epoch: int = 0,
        rank: int | None = None,
        world: int | None = None,
        even: str | None = None,
        batch_size: int | None = None,
        prefetch: int = 2,
        run: str | None = None,
        direct: bool = False,
        on_ending: Callable[[datetime.datetime], None] | None = None,
    ) -> None:
        from ._site import Lease

        if (rank is None) != (world is None):
            raise GuichetError("rank and world go together")
        if rank is None or world is None:
            rank, world = _ranks()
        if not 0 <= rank < world:
            raise GuichetError(f"rank {rank} is none of a world of {world}: ranks count from 0")
        if even not in (None, "drop", "pad", "none"):
            raise GuichetError(f"even is drop, pad or none, not {even!r}")
        if batch_size is not None and batch_size < 1:
            raise GuichetError(f"a batch has at least one row, not {batch_size}")
        self.agreement, self.epoch, self.rank, self.world = agreement, epoch, rank, world
        self._site, self._lease = site, Lease(site, agreement, version, run)
        even = even or ("drop" if world > 1 else "none")
        self._ask: dict[str, Any] = {
            "table": table,
            "split": split,
            "version": version,
            "columns": list(columns) if columns else None,
            "seed": seed,
            "order": None if seed is None else ORDER,
            "even": None if even == "none" else even,
            "run": run,
        }
        self._batch_size, self._prefetch, self._on_ending = batch_size, prefetch, on_ending
        self._start: list[str] = []  # what other worlds had of this epoch
        self._from = 0  # rows of this part that were handed out before this reading of it
        self._done = 0  # and in it: of the lane, where there is one
        self._lane: tuple[int, int] | None = None  # one of how many, whose blocks of batch_size rows come in turn
        self._part: int | None = None  # rows of the part, once the gateway said how many
        self._releases: list[str] = []
        self._read = 0
        self._direct, self._url_rows = direct, 0
        self._manifest: dict[str, Any] | None = None

    def manifest(self) -> dict[str, Any]:
        """What the agreement shows: tables, splits, columns, shards and their rows. It costs
        nothing, and pins the version for all that is read after it."""
        if self._manifest is None:
            asked = {k: v for k, v in self._ask.items() if k in ("table", "split", "version", "columns")}
            self._manifest = self._lease.use(
                lambda token: self._site._http.call("GET", f"/agreements/{self.agreement}/manifest" + query(asked), token)
            )
            self._ask["version"] = self._lease.version = self._manifest["version"]
        return self._manifest

    @property
    def schema(self) -> pa.Schema:
        """The columns as they arrive."""
        tables = self.manifest()["tables"]
        if len(tables) != 1:
            names = ", ".join(f"{t['table']}/{t['split']}" for t in tables)
            raise GuichetError(f"say which table and split: there are {names}")
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(tables[0]["schema"])))

    def set_epoch(self, epoch: int) -> None:
        """Begins an epoch."""
        self.epoch, self._from, self._done, self._start, self._part = epoch, 0, 0, [], None

    def state_dict(self) -> dict[str, Any]:
        """Where the reading stands: after the batch that was handed out last."""
        self.manifest()
        ask = {k: self._ask[k] for k in ("table", "split", "version", "columns", "seed", "order", "even")}
        return {
            "guichet": 1,
            "agreement": self.agreement,
            "epoch": self.epoch,
            "rank": self.rank,
            "world": self.world,
            "rows": self._from + self._done,
            "start": list(self._start),
            "batch_size": self._batch_size,
            **ask,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where a state was taken: the next iteration gives the rest of its epoch. On
        another world every rank loads the state of any one rank of the old world, and all
        of those had as many rows."""
        if state.get("guichet") != 1:
            raise GuichetError("this is no state of a guichet.Dataset")
        if state["agreement"] != self.agreement:
            raise GuichetError(f"the state is of {state['agreement']}, not of {self.agreement}")
        for k in ("table", "split", "version", "columns", "seed", "order"):
            if self._ask[k] is not None and self._ask[k] != state[k]:
                raise GuichetError(f"the state was taken with {k}={state[k]}, not {self._ask[k]}: the rows would be others")
        if state["world"] != self.world and state["rows"] and not state["batch_size"]:
            raise GuichetError("another world goes on only where every rank has had as many rows: give the Dataset a batch_size")
        self._ask.update({k: state[k] for k in ("table", "split", "version", "columns", "seed", "order", "even")})
        self.epoch, self._manifest, self._lease.version = state["epoch"], None, state["version"]
        if state["world"] == self.world:
            if state["rank"] != self.rank and not state["batch_size"]:
                raise GuichetError(f"the state is of rank {state['rank']}, not {self.rank}; with a batch_size all stand at the same row")
            self._start, self._from = list(state["start"]), state["rows"]
        else:
            self._start, self._from = [*state["start"], f"{state['rows']}@{state['world']}"], 0
        self._done, self._part = 0, None

    def receipt(self) -> dict[str, Any]:
        """What was read, for a model's card or a tracker of experiments: agreement, dataset,
        version, columns, and the releases that stand in the site's record."""
        m = self.manifest()
        return {
            "agreement": self.agreement,
            "dataset": m["dataset"],
            "version": m["version"],
            "columns": [c["name"] for t in m["tables"] for c in t["columns"]],
            "seed": self._ask["seed"],
            "epoch": self.epoch,
            "rank": self.rank,
            "world": self.world,
            "rows": self._read,
            "rows_by_url": self._url_rows,
            "releases": list(self._releases),
        }

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        yield from self._rest()
        self.set_epoch(self.epoch + 1)

    def _again(self) -> Dataset:
        """The same data from the same row on, for a reading of its own."""
        other = copy.copy(self)
        other._ask, other._start, other._releases, other._read, other._url_rows = dict(self._ask), list(self._start), [], 0, 0
        other._lease = self._lease.again()
        return other

    def _rest(self) -> Iterator[pa.RecordBatch]:
        """The batches of this epoch that were not handed out."""
        stop = Stop()
        batches = self._stream(stop)
        if self._prefetch > 0:
            batches = ahead(batches, self._prefetch, stop)
        try:
            for batch in self._sized(batches):
                self._done += batch.num_rows
                self._read += batch.num_rows
                self._warn()
                yield batch
        finally:
            stop.set()

    def reader(self) -> pa.RecordBatchReader:
        """The epoch as a reader, for duckdb, polars and all that takes Arrow streams."""
        return pa.RecordBatchReader.from_batches(self.schema, iter(self))

    def to_table(self) -> pa.Table:
        """The epoch as a table in memory."""
        return self.reader().read_all()

    def to_pandas(self, **options: Any) -> Any:
        """The epoch as a pandas DataFrame."""
        return self.to_table().to_pandas(**options)

    def to_polars(self) -> Any:
        """The epoch as a polars DataFrame."""
        import polars

        return polars.from_arrow(self.to_table())

    def _warn(self) -> None:
        ends = self._lease.ends_at
        if self._on_ending and ends and ends - WARNING < datetime.datetime.now(datetime.timezone.utc):
            told, self._on_ending = self._on_ending, None
            told(ends)

    def _stream(self, stop: Stop) -> Iterator[pa.RecordBatch]:
        """The rest of the part, over as many streams as it takes."""
        self.manifest()
        done, attempt, renew = self._done, 0, False
        by_url = self._by_url(stop)
        while not stop.is_set():
            before = done
            try:
                for batch in by_url.rows(done, renew) if by_url else self._once(done, self._lease.token(renew=renew), stop):
                    done, attempt, renew = done + batch.num_rows, 0, False
                    yield batch
                return
            except Refused as r:
                if r.status == 401 and not renew:
                    renew = True
                    continue
                if by_url and not r.passes:
                    by_url = self._not_by_url(r)
                    continue
                if not r.passes:
                    raise
                cut: Exception = r
                wait = r.retry_after
            except (OSError, http.client.HTTPException, pa.ArrowInvalid, Broken) as e:
                cut, wait = e, None
            attempt = attempt + 1 if done == before else 1
            if by_url and attempt == URL_ATTEMPTS:
                by_url = self._not_by_url(cut)
            if attempt >= ATTEMPTS:
                at = self._from + done
                raise Broken(f"the stream was cut {attempt} times at row {at} of this part: {cut}", at) from cut
            pause(attempt, wait, stop)

    def _by_url(self, stop: Stop) -> ByURL | None:
        """What reads the part by URL, where that is wanted and can be."""
        if self._direct and self._ask["columns"]:
            self._not_by_url("columns are left out, and a URL shows all")
        elif self._direct and self._lane is not None and self._lane[1] > 1:
            self._not_by_url("several workers would read every batch; set num_workers=0, a thread reads ahead")
        return ByURL(self, stop) if self._direct else None

    def _not_by_url(self, why: object) -> None:
        """Says once that the rows come by the stream."""
        if self._direct:
            warnings.warn(f"{self.agreement} is read by the stream, not by URL: {why}", stacklevel=2)
        self._direct = False

    def _asked(self, done: int) -> dict[str, Any]:
        """What is asked for after so many rows of this reading, as POST …/ranges takes it."""
        ask = {**self._ask, "epoch": self.epoch, "rank": self.rank, "world": self.world, "from": self._from + done}
        ask["start"] = ",".join(self._start) or None
        for name in ("seed", "order"):
            ask[name] = None if ask[name] is None else str(ask[name])
        return {k: v for k, v in ask.items() if v is not None and k != "columns"}

    def _once(self, done: int, token: str, stop: Stop) -> Iterator[pa.RecordBatch]:
        """One stream, after so many rows of this reading."""
        ask = {**self._ask, "epoch": self.epoch, "rank": self.rank, "world": self.world, "from": self._from + done}
        ask["start"] = ",".join(self._start) or None
        again = 0  # rows that come once more
        if self._lane is not None and self._batch_size is not None:
            lane, lanes = self._lane
            rounds, again = divmod(done, self._batch_size)
            gone = self._from + rounds * self._batch_size * lanes
            ask["from"] = gone if self._part is None else min(gone, self._part)
            ask["lane"], ask["block"] = f"{lane}@{lanes}", self._batch_size
        path = f"/agreements/{self.agreement}/stream" + query(ask)
        with self._site._http.open("GET", path, token) as answer:
            want, got = int(answer.headers["Guichet-Rows"]), 0
            self._part = int(answer.headers["Guichet-Part"])
            self._releases.append(answer.headers["Guichet-Release"])
            with stop.ending(answer), pa.ipc.open_stream(answer) as batches:
                for batch in batches:
                    got += batch.num_rows
                    had = min(again, batch.num_rows)
                    again -= had
                    if had < batch.num_rows:
                        yield batch.slice(had)
                    if stop.is_set():
                        return
            answer.read()  # raises where the end of the answer is missing
            if got != want:
                raise Broken(f"{got} of {want} rows came", done + got)

    def _sized(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches of batch_size rows."""
        n = self._batch_size
        if n is None:
            yield from batches
            return
        held: list[pa.RecordBatch] = []
        rows = 0
        for batch in batches:
            while batch.num_rows > 0:
                part = batch.slice(0, n - rows)
                batch = batch.slice(part.num_rows)
                held.append(part)
                rows += part.num_rows
                if rows == n:
                    yield joined(held)
                    held, rows = [], 0
        if held:
            yield joined(held)

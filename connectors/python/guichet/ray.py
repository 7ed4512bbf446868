"""The data of an agreement for Ray Data, and what Ray Data makes of them as a version of a dataset.

In: a site and the id of an agreement, as of guichet.Dataset. Out: a ray.data.Dataset of one read task
for each part of the epoch; files of a new version. Always: a task gets leases and reads where it
runs, goes on at the exact row after a cut, and gives the same rows in the same blocks when Ray
runs it again; nothing is read to know schema or rows.

    rows = guichet.ray.read(site, "agr-…", columns=["yield"], run="run-…")
    made = rows.map_batches(cleaned)
    guichet.ray.write(made, site, "ds-…", version="2026-11", table="clean")

Name a run=: rows of a task that Ray runs again, or of an epoch that is read again, are then paid once
from a budget. Blocks come in no order, as Ray's do: the epoch's order is that of the parts.
"""

from __future__ import annotations

import uuid
from typing import Any, Iterable, Iterator

import pyarrow as pa
import ray.data
from ray.data.block import Block, BlockAccessor, BlockMetadata
from ray.data.datasource import Datasink, Datasource, ReadTask, WriteResult

from ._dataset import Dataset
from ._errors import GuichetError
from ._order import part_rows
from ._site import Site

BLOCK = 65_536  # rows


def read(site: Site, agreement: str, *, parts: int | None = None, **options: Any) -> ray.data.Dataset:
    """The rows of one epoch of an agreement.

    parts: read tasks, each of one part of the epoch; as many as Ray thinks fit when left out.
    options: those of guichet.Dataset: columns, table, split, version, seed, epoch, run.
    """
    for name in options.keys() & {"rank", "world", "even", "on_ending", "prefetch", "batch_size"}:
        raise GuichetError(f"{name} is no option here: every part of the epoch is read, each by a task")
    return ray.data.read_datasource(GuichetDatasource(site, agreement, **options), override_num_blocks=parts)


def write(
    rows: ray.data.Dataset, site: Site, dataset: str, *, version: str | None = None, table: str = "data", split: str = "all"
) -> dict[str, Any]:
    """Publishes rows as a version of a dataset that you provide, by upload. Gives the answer to the
    publication, which goes on at the gateway: see ``site.get(f"/datasets/{dataset}/versions/{version}")``."""
    sink = _Sink(site, dataset, version, table, split)
    rows.write_datasink(sink)
    return sink.answer


class GuichetDatasource(Datasource):  # type: ignore[misc]
    """An epoch of an agreement, in as many parts as there are read tasks."""

    def __init__(self, site: Site, agreement: str, **options: Any) -> None:
        super().__init__()
        whole = Dataset(site, agreement, rank=0, world=1, **options)
        self._schema = whole.schema
        (self._split,) = whole.manifest()["tables"]
        options.update(table=self._split["table"], split=self._split["split"], version=whole.manifest()["version"])
        self._site, self._agreement, self._options = site, agreement, options

    def get_name(self) -> str:
        return "Guichet"

    def estimate_inmemory_data_size(self) -> int | None:
        return None

    def get_read_tasks(self, parallelism: int, per_task_row_limit: int | None = None, data_context: Any = None) -> list[ReadTask]:
        world = max(1, min(parallelism, self._split["rows"]))
        return [self._task(rank, world, per_task_row_limit) for rank in range(world)]

    def _task(self, rank: int, world: int, limit: int | None) -> ReadTask:
        site, agreement, options = self._site, self._agreement, self._options
        rows = part_rows(self._split, options.get("seed"), rank, world)
        about = BlockMetadata(num_rows=rows, size_bytes=None, exec_stats=None, input_files=None)
        return ReadTask(lambda: _blocks(site, agreement, rank, world, options), about, schema=self._schema, per_task_row_limit=limit)


def _blocks(site: Site, agreement: str, rank: int, world: int, options: dict[str, Any]) -> Iterator[pa.Table]:
    """A task's rows, in the worker. The next stream of the same site leases anew."""
    for batch in Dataset(site, agreement, rank=rank, world=world, even="none", batch_size=BLOCK, **options)._rest():
        yield pa.Table.from_batches([batch])


class _Sink(Datasink):  # type: ignore[misc, type-arg]
    """Sends each task's blocks as one file, and publishes the files once all are there."""

    def __init__(self, site: Site, dataset: str, version: str | None, table: str, split: str) -> None:
        self._site, self._dataset, self._version, self._table, self._split = site, dataset, version, table, split
        self._once = uuid.uuid4().hex
        self.answer: dict[str, Any] = {}

    def write(self, blocks: Iterable[Block], ctx: Any) -> str | None:
        made = [t for t in (BlockAccessor.for_block(b).to_arrow() for b in blocks) if t.num_rows]
        if not made:
            return None
        out = pa.BufferOutputStream()
        with pa.ipc.new_file(out, made[0].schema) as file:
            for t in made:
                file.write_table(t.cast(made[0].schema), max_chunksize=BLOCK)
        name = f"{self._once}-{ctx.task_idx:06}.arrow"  # the same when Ray runs the task again
        self._site.upload(self._dataset, self._table, self._split, name, out.getvalue())
        return name

    def on_write_complete(self, write_result: WriteResult[Any]) -> None:
        names = sorted({name for name in write_result.write_returns if name})
        if not names:
            raise GuichetError("there are no rows to publish")
        body = {"uploaded": True, "tables": [{"name": self._table, "splits": [{"name": self._split, "keys": names}]}]}
        if self._version:
            body["version"] = self._version
        self.answer = self._site.post(f"/datasets/{self._dataset}/versions", body, once=self._once)


__all__ = ["GuichetDatasource", "read", "write"]

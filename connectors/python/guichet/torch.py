"""The data of an agreement as batches of tensors, for torch.utils.data.DataLoader.

In: a site and the id of an agreement, as of guichet.Dataset. Out: full batches, by default a
dict of column to tensor. Always: a rank gets the same batches in the same order whatever the
number of workers; a state goes on at the exact row, with other workers and on another world.

    data = guichet.torch.IterableDataset(site, "agr-…", seed=7)
    loader = torch.utils.data.DataLoader(data, batch_size=None)
    for epoch in range(9):
        data.set_epoch(epoch)
        for batch in loader: ...

Leave num_workers at 0: a thread reads ahead, and handing small tensors from process to process
costs more than reading them. Workers are for a transform that costs more than that.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, Sequence

import pyarrow as pa
import torch
from torch.utils import data as _data

from ._dataset import Dataset
from ._errors import GuichetError
from ._site import Site
from ._torch_mix import Mix

__all__ = ["IterableDataset", "Mix", "resume", "tensors"]


def tensors(batch: pa.RecordBatch, columns: Sequence[str] | None = None) -> dict[str, torch.Tensor]:
    """Columns of a batch, all when left out, as tensors of their own type: numbers and
    booleans, and lists of them that are all of one length or shape, without nulls."""
    return {name: _tensor(name, batch.column(name)) for name in (batch.schema.names if columns is None else columns)}


def _tensor(name: str, column: pa.Array) -> torch.Tensor:
    shape = _fits(name, column.type)
    nulls = column.null_count
    if shape:
        column = column.storage if isinstance(column.type, pa.BaseExtensionType) else column
        column = column.flatten()
        nulls += column.null_count
    if nulls:
        raise GuichetError(
            f"column {name!r} has {nulls} nulls in this batch, and a tensor has none: give transform=, a function of a "
            "pyarrow.RecordBatch, and fill them there (guichet.torch.tensors makes tensors of the other columns)"
        )
    made = torch.from_numpy(column.to_numpy(zero_copy_only=False).copy())
    return made.reshape(-1, *shape) if shape else made


def _fits(name: str, t: pa.DataType) -> list[int]:
    """The shape of a column's values: none of numbers."""
    shape: list[int] = []
    of = t
    if isinstance(t, pa.FixedShapeTensorType) and list(t.permutation or range(len(t.shape))) == list(range(len(t.shape))):
        shape, of = list(t.shape), t.value_type
    elif pa.types.is_fixed_size_list(t) and t.list_size:
        shape, of = [t.list_size], t.value_type
    if not (pa.types.is_integer(of) or pa.types.is_floating(of) or pa.types.is_boolean(of)):
        raise GuichetError(
            f"column {name!r} is {t}, which no tensor holds: leave it out of columns=, or give transform=, a function "
            "of a pyarrow.RecordBatch (guichet.torch.tensors makes tensors of the other columns)"
        )
    return shape


class IterableDataset(_data.IterableDataset):  # type: ignore[type-arg]
    """Batches of a rank's part of an epoch. Give it to a DataLoader with batch_size=None.

    batch_size: rows of every batch, over the ends of what the gateway sends; the last of an
        epoch may have fewer, and is left out by drop_last.
    transform: what a batch becomes, as a function of a pyarrow.RecordBatch; tensors() when
        left out. With workers that are spawned it is a function of a module.
    options: those of guichet.Dataset. even="drop" is the default of several ranks: all
        get as many rows, what is over is left out.

    The version is pinned when this is made. An iteration is of the epoch that set_epoch
    said last, also a second one: call it before each epoch, as of a DistributedSampler.
    """

    def __init__(
        self,
        site: Site,
        agreement: str,
        *,
        batch_size: int = 1024,
        drop_last: bool = False,
        transform: Callable[[pa.RecordBatch], Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        if not isinstance(batch_size, int) or batch_size < 1:
            raise GuichetError(f"a batch has at least one row, not {batch_size!r}")
        self._data = Dataset(site, agreement, batch_size=batch_size, **options)
        self._batch_size, self._drop_last, self._transform = batch_size, drop_last, transform
        self._data.manifest()
        for field in self._data.schema if transform is None else ():
            _fits(field.name, field.type)
        # Seen by all workers: the epoch, since persistent ones keep their copy of all else, and
        # whether they read.
        self._shared = torch.tensor([self._data.epoch, 0], dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]
        self._reading: Dataset | None = None  # this process's iteration
        self._lane: dict[str, Any] | None = None  # where a worker goes on

    @property
    def epoch(self) -> int:
        """The epoch of the next iteration."""
        return int(self._shared[0])

    def set_epoch(self, epoch: int) -> None:
        """Says which epoch the next iteration reads. Of the epoch of a loaded state it reads
        the rest; any other one is read from its beginning."""
        self._shared[0] = epoch
        self._reading = None

    def __iter__(self) -> Iterator[Any]:
        data, self._reading = self._position(), None
        worker = _data.get_worker_info()
        if worker is not None:
            self._shared[1] = 1
            data._lane = (worker.id, worker.num_workers)
            if self._lane is not None and self._lane["epoch"] == data.epoch:
                data._done, data._part = self._lane["done"], self._lane["part"]
        self._reading = data
        return self._batches(data)

    def _position(self) -> Dataset:
        """Where an iteration begins."""
        data = self._data._again()
        if data.epoch != self.epoch:
            data.set_epoch(self.epoch)
        return data

    def _batches(self, data: Dataset) -> Iterator[Any]:
        for batch in data._rest():
            if batch.num_rows == self._batch_size or not self._drop_last:
                yield tensors(batch) if self._transform is None else self._transform(batch)

    def state_dict(self) -> dict[str, Any]:
        """Where the reading stands: after the batch that was handed out last. With workers
        take the state of a torchdata StatefulDataLoader, which asks each of them."""
        worker = _data.get_worker_info()
        if worker is None and self._shared[1]:
            raise GuichetError(
                "workers read this dataset, and what they have handed out is not known here: "
                "take the state of a torchdata.stateful_dataloader.StatefulDataLoader, or set num_workers=0"
            )
        data = self._reading or self._position()
        state = data.state_dict()
        if data._lane is not None:
            state["lane"] = {
                "lane": data._lane[0],
                "lanes": data._lane[1],
                "epoch": data.epoch,
                "from": data._from,
                "done": data._done,
                "part": data._part,
            }
        return state

    def load_state_dict(self, state: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Goes on where a state was taken: of this dataset, of a StatefulDataLoader over it with
        any number of workers, or of all ranks of another world, see resume. Before the
        DataLoader iterates for the first time."""
        worker = _data.get_worker_info()
        if worker is None:
            if self._shared[1]:
                raise GuichetError("workers read this dataset already: load the state into a new one, before its DataLoader iterates")
            position = resume(state)
        else:
            position = dict(state)  # type: ignore[arg-type] # a StatefulDataLoader gives each worker its own
            self._lane = position.pop("lane")
            had = (self._lane["lane"], self._lane["lanes"], position["world"], position["batch_size"])
            if had != (worker.id, worker.num_workers, self._data.world, self._batch_size):
                raise GuichetError(
                    "the state is of other workers, of another world or of other batches: load it with the load_state_dict "
                    "of the dataset, before the loader iterates, not with that of the loader"
                )
            position["rows"] = self._lane["from"]
        self._data.load_state_dict(position)
        self._data.manifest()
        self._reading = None
        self._shared[0] = self._data.epoch

    def receipt(self) -> dict[str, Any]:
        """What this process read in its last iteration, as of guichet.Dataset. With workers
        name a run= instead: the gateway lists what was read in it."""
        if self._shared[1]:
            raise GuichetError("workers read this dataset, and their releases are not known here: name a run=, which lists them")
        return (self._reading or self._data).receipt()


def resume(states: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One state for load_state_dict on any world and any number of workers, of one rank's
    state or of a list with every rank's: those of an IterableDataset, or of a
    torchdata StatefulDataLoader over one. Ranks that had different numbers of rows are refused, for
    no new world could go on then; they have the same after the same number of steps."""
    several = [states] if isinstance(states, Mapping) else list(states)
    if not several:
        raise GuichetError("there is no state to go on from")
    found = [_rank_state(s) for s in several]
    first = found[0]
    for one in found[1:]:
        for k in first.keys() | one.keys():
            if k != "rank" and first.get(k) != one.get(k):
                raise GuichetError(
                    f"the states of ranks {first['rank']} and {one['rank']} disagree: {k} is {first.get(k)} and {one.get(k)}; "
                    "take them after the same step of every rank"
                )
    ranks = {one["rank"] for one in found}
    if len(found) > 1 and ranks != set(range(first["world"])):
        missing = sorted(set(range(first["world"])) - ranks)
        raise GuichetError(f"a world of {first['world']} has as many states, and those of the ranks {missing} are missing")
    return first


def _rank_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """A rank's state, from what a dataset or a StatefulDataLoader gives."""
    if "_snapshot" not in state:  # no workers: the dataset's own
        own = state.get("dataset_state", state)
        if not isinstance(own, Mapping) or own.get("guichet") != 1 or "lane" in own:
            raise GuichetError("this is no state of a guichet.torch.IterableDataset, nor of a StatefulDataLoader over one")
        return dict(own)
    if state.get("_steps_since_snapshot"):
        raise GuichetError("this state is not of its loader's last step: make the StatefulDataLoader with snapshot_every_n_steps=1")
    workers = [s["dataset_state"] for s in state["_snapshot"]["_worker_snapshots"].values()]
    if not workers or any(not isinstance(s, Mapping) or "lane" not in s for s in workers):
        raise GuichetError("the loader's workers did not read a guichet.torch.IterableDataset")
    workers.sort(key=lambda s: s["lane"]["lane"])
    size, lanes = workers[0]["batch_size"], len(workers)
    done = [s["lane"]["done"] for s in workers]
    blocks = [-(-n // size) for n in done]
    if any(n != len(range(i, sum(blocks), lanes)) for i, n in enumerate(blocks)):
        raise GuichetError(f"the workers handed out {blocks} batches, which is no beginning of the rank's order: leave in_order=True")
    one = {k: v for k, v in workers[0].items() if k != "lane"}
    one["rows"] = workers[0]["lane"]["from"] + sum(done)
    return one

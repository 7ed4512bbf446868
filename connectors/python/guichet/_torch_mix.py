"""Several datasets as one, by weight, with one state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, Mapping, Sequence

from torch.utils import data as _data

from ._errors import GuichetError

if TYPE_CHECKING:
    from .torch import IterableDataset


class Mix(_data.IterableDataset):  # type: ignore[type-arg]
    """Batches of several IterableDatasets, each whole, as near to their weights as whole batches
    are at every step: with weights 3 and 1 they come as a a a b, a a a b. Which dataset has its
    turn depends on weights and steps alone, so it is the same on every rank, and a state goes
    on on another world. Without workers.

    until: "all" goes on with the others where one has no more, so that every row comes once;
        "first" ends the epoch there.
    """

    def __init__(self, datasets: Sequence[IterableDataset], weights: Sequence[float] | None = None, *, until: str = "all") -> None:
        super().__init__()
        weights = [1.0] * len(datasets) if weights is None else [float(w) for w in weights]
        if not datasets or len(weights) != len(datasets) or not all(0 < w < float("inf") for w in weights):
            raise GuichetError(f"{len(datasets)} datasets are mixed by as many weights above 0, not by {weights}")
        if until not in ("all", "first"):
            raise GuichetError(f"until is all or first, not {until!r}")
        self._datasets, self._weights, self._until = list(datasets), weights, until
        self._begun = (self.epoch, [0] * len(weights))  # where an iteration of this epoch begins: batches taken of each
        self._taken = list(self._begun[1])

    @property
    def epoch(self) -> int:
        """The epoch of the next iteration."""
        return self._datasets[0].epoch

    def set_epoch(self, epoch: int) -> None:
        """Says which epoch of all datasets the next iteration reads."""
        for d in self._datasets:
            d.set_epoch(epoch)
        self._taken = self._first()

    def _first(self) -> list[int]:
        epoch, taken = self._begun
        return list(taken) if epoch == self.epoch else [0] * len(taken)

    def __iter__(self) -> Iterator[Any]:
        if _data.get_worker_info() is not None:
            raise GuichetError("a Mix is read without workers: leave num_workers at 0; a thread of each dataset reads ahead")
        self._taken = self._first()
        return self._batches([iter(d) for d in self._datasets], self._taken)

    def _batches(self, readings: list[Iterator[Any]], taken: list[int]) -> Iterator[Any]:
        live = list(range(len(readings)))
        while live:
            turn = min(live, key=lambda i: (taken[i] + 1) / self._weights[i])
            try:
                batch = next(readings[turn])
            except StopIteration:
                if self._until == "first":
                    return
                live.remove(turn)
                continue
            taken[turn] += 1
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Where the reading stands: after the batch that was handed out last."""
        return {
            "guichet_mix": 1,
            "weights": list(self._weights),
            "taken": list(self._taken),
            "datasets": [d.state_dict() for d in self._datasets],
        }

    def load_state_dict(self, state: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        """Goes on where a state was taken: this Mix's, of a DataLoader over it, or a list with
        that of every rank of another world."""
        several = [state] if isinstance(state, Mapping) else list(state)
        several = [s.get("dataset_state", s) for s in several]
        if not several or any(not isinstance(s, Mapping) or s.get("guichet_mix") != 1 for s in several):
            raise GuichetError("this is no state of a guichet.torch.Mix")
        for s in several:
            if s["weights"] != self._weights:
                raise GuichetError(f"the state is of a Mix by the weights {s['weights']}, not {self._weights}")
            if s["taken"] != several[0]["taken"]:
                raise GuichetError(f"the states of ranks disagree: batches taken are {several[0]['taken']} and {s['taken']}")
        for i, d in enumerate(self._datasets):
            d.load_state_dict([s["datasets"][i] for s in several])
        self._begun = (self.epoch, list(several[0]["taken"]))
        self._taken = self._first()

    def receipt(self) -> list[dict[str, Any]]:
        """What was read of each dataset in the last iteration."""
        return [d.receipt() for d in self._datasets]

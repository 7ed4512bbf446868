"""Learns from MIMIC-IV's events or from Rīga's timetable, and can be killed at any moment.

    AGREEMENT=agr-… train.py mimic                        rows by the kit's stream
    AGREEMENT=agr-… train.py riga --files FOLDER          the same rows from files of a mount, of
                                                          s3://… or fsspec+guichet://…
    torchrun --nproc-per-node 2 train.py mimic            on two ranks

Started again with the same --checkpoint, on any number of ranks, it goes on after the last step that
was saved, and ends with the losses of a run that nobody disturbed, to the last bit.

What makes them the same: an epoch is dealt to PARTS parts, whatever the number of ranks. A step
takes one batch of each part; a rank reads the parts that are its own and makes their gradients; what
all parts say is summed in the order of the parts, on every rank alike.
"""

import argparse
import functools
import json
import os
import pathlib
import signal
import zlib

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import torch
import torch.distributed as dist

import guichet
import guichet.torch

PARTS, BATCH, RATE, SEED, BUCKETS = 4, 1024, 0.1, 7, 1024


def buckets(texts):
    """A number below BUCKETS for each text, the same in every process."""
    texts = texts.dictionary_encode()
    numbers = [zlib.crc32(t.encode()) % BUCKETS for t in texts.dictionary.to_pylist()]
    return torch.tensor(numbers)[torch.from_numpy(texts.indices.to_numpy(zero_copy_only=False).copy())]


def mimic(batch):
    """Of an event its kind and hour, and how large its value is; half of them have none."""
    hour = pc.fill_null(pc.hour(batch["time"]), 0)
    value = torch.from_numpy(pc.fill_null(batch["value"], float("nan")).to_numpy(zero_copy_only=False).copy()).double()
    known = value.isfinite()
    kinds = torch.stack([buckets(batch["code"]), torch.from_numpy(hour.to_numpy(zero_copy_only=False).copy())], 1)
    return kinds, torch.where(known, value, 0.0).abs().log1p().float() / 10, known.float()


def riga(batch):
    """Of a stop of a trip which it is and how many came before, and the hour of departure."""
    hour = pc.cast(pc.utf8_slice_codeunits(batch["departure_time"], 0, 2), pa.int64())
    before = pc.min_element_wise(pc.cast(batch["stop_sequence"], pa.int64()), BUCKETS - 1)
    kinds = torch.stack([buckets(batch["stop_id"]), torch.from_numpy(before.to_numpy(zero_copy_only=False).copy())], 1)
    hours = torch.from_numpy(hour.to_numpy(zero_copy_only=False).copy()).float() / 24
    return kinds, hours, torch.ones(len(hours))


SETS = {
    "mimic": (mimic, "events", ["time", "code", "value"]),
    "riga": (riga, "stop-times", ["departure_time", "stop_id", "stop_sequence"]),
}


class Streamed:
    """Batches of a part, as the gateway sends them."""

    def __init__(self, site, what, part):
        tensors, table, columns = SETS[what]
        self.data = guichet.torch.IterableDataset(
            site, os.environ["AGREEMENT"], table=table, columns=columns, seed=SEED, rank=part, world=PARTS, batch_size=BATCH,
            drop_last=True, transform=tensors,
        )

    def go_on(self, state):  # all parts stand at the same row, so one state is enough
        self.data.load_state_dict(state["data"])

    def state(self, epoch, batches):
        return {"data": self.data.state_dict(), "epoch": epoch, "batches": batches}

    def epoch(self, n, had):
        self.data.set_epoch(n)
        return iter(self.data)


class Files:
    """The same batches in the same order, out of files."""

    def __init__(self, site, what, part, folder):
        self.tensors, table, columns = SETS[what]
        (self.split,) = site.dataset(os.environ["AGREEMENT"], table=table).manifest()["tables"]
        self.part, self.table = part, read(folder, tuple(columns))

    def go_on(self, state):
        pass

    def state(self, epoch, batches):
        return {"epoch": epoch, "batches": batches}

    def epoch(self, n, had):
        rows = pa.chunked_array(
            guichet.order(self.split, seed=SEED, epoch=n, rank=self.part, world=PARTS, even="drop", skip=had * BATCH), pa.int64()
        )
        for at in range(0, len(rows) // BATCH * BATCH, BATCH):
            yield self.tensors(self.table.take(rows.slice(at, BATCH)).combine_chunks().to_batches()[0])


@functools.cache
def read(folder, columns):
    """The files of a split as a table in memory, each once per process, in their own order."""
    if "://" not in folder:
        folder = pathlib.Path(folder).absolute().as_uri()
    fs, folder = pyarrow.fs.FileSystem.from_uri(folder)
    found = fs.get_file_info(pyarrow.fs.FileSelector(folder))
    paths = sorted((i.path for i in found if i.is_file), key=lambda path: int(pathlib.PurePath(path).stem))
    return pa.concat_tables(pa.ipc.open_file(fs.open_input_file(path)).read_all().select(list(columns)) for path in paths)


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(SEED)
        self.kinds = torch.nn.ModuleList([torch.nn.Embedding(BUCKETS, 4) for _ in range(2)])
        self.out = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))

    def forward(self, kinds, target, weight):
        made = self.out(torch.cat([e(kinds[:, i]) for i, e in enumerate(self.kinds)], 1)).squeeze(1)
        return (weight * (made - target).square()).sum() / len(target)


def said(model, batch):
    """Loss and gradients of a batch as one vector."""
    model.zero_grad()
    loss = model(*batch)
    loss.backward()
    return torch.cat([loss.detach().reshape(1), *(p.grad.reshape(-1) for p in model.parameters())])


def of_all_parts(mine, world):
    """What each part said, in the order of the parts."""
    if world == 1:
        return torch.stack(mine)
    most = -(-PARTS // world)
    mine = torch.stack(mine + [torch.zeros_like(mine[0])] * (most - len(mine)))
    every = [torch.empty_like(mine) for _ in range(world)]
    dist.all_gather(every, mine)
    return torch.stack([every[p % world][p // world] for p in range(PARTS)])


def main():
    args = argparse.ArgumentParser(description="Learns from MIMIC-IV's events or from Rīga's timetable.")
    args.add_argument("set", choices=SETS)
    args.add_argument("--files", metavar="FOLDER", help="read these shards, not the stream")
    args.add_argument("--epochs", type=int, default=2)
    args.add_argument("--checkpoint", type=pathlib.Path, default=pathlib.Path("checkpoint.pt"))
    args.add_argument("--save-every", type=int, default=20, metavar="STEPS")
    args.add_argument("--losses", type=pathlib.Path, help="write them here in the end, as JSON")
    args.add_argument("--killed-at", type=int, metavar="STEP", help="kill -9 of this process after that step, to see that nothing is lost")
    args = args.parse_args()

    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if world > PARTS:
        raise SystemExit(f"{world} ranks share {PARTS} parts: start at most so many, or raise PARTS")
    if world > 1:
        dist.init_process_group("gloo")
    torch.set_num_threads(1)  # another number sums in another order
    site = guichet.connect()
    mine = [Streamed(site, args.set, p) if args.files is None else Files(site, args.set, p, args.files) for p in range(rank, PARTS, world)]
    model = Model()
    losses, epoch, had = [], 0, 0
    if args.checkpoint.exists():
        saved = torch.load(args.checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        losses, epoch, had = saved["losses"], saved["data"]["epoch"], saved["data"]["batches"]
        for one in mine:
            one.go_on(saved["data"])
        if rank == 0:
            print(f"goes on after step {len(losses)} on {world} ranks", flush=True)

    for epoch in range(epoch, args.epochs):
        for batches in zip(*(one.epoch(epoch, had) for one in mine)):
            parts = of_all_parts([said(model, b) for b in batches], world)
            mean = parts.sum(0) / PARTS
            losses.append(mean[0].item())
            gradients = mean[1:].split([p.numel() for p in model.parameters()])
            for p, gradient in zip(model.parameters(), gradients):
                p.data -= RATE * gradient.reshape(p.shape)
            had += 1
            if rank == 0 and len(losses) % args.save_every == 0:  # whole or not at all
                state = {"model": model.state_dict(), "losses": losses, "data": mine[0].state(epoch, had)}
                torch.save(state, args.checkpoint.with_suffix(".part"))
                os.replace(args.checkpoint.with_suffix(".part"), args.checkpoint)
            if len(losses) == args.killed_at:
                os.kill(os.getpid(), signal.SIGKILL)
        had = 0
    if rank == 0:
        print(f"done after {len(losses)} steps, loss {losses[-1]:.4f}", flush=True)
        if args.losses:
            args.losses.write_text(json.dumps(losses))
    if world > 1:
        dist.destroy_process_group()  # its threads would end the process with an abort, now and then


if __name__ == "__main__":
    main()

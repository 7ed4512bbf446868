"""Learns TARGET from FEATURES, columns of AGREEMENT, over one epoch; see README.md.

CHECKPOINT (a folder, ./checkpoint when left out) holds the model and where each rank stood. A
run that finds one goes on there, with any number of ranks.
"""

import os
import pathlib
import signal

import torch
import torch.distributed as dist

import guichet
import guichet.torch

FEATURES, TARGET = os.environ["FEATURES"].split(","), os.environ["TARGET"]
BATCH, SAVE_EVERY = int(os.environ.get("BATCH", "1024")), 500


def main() -> None:
    dist.init_process_group("gloo", rank=int(os.environ["SLURM_PROCID"]), world_size=int(os.environ["SLURM_NTASKS"]))
    rank, world = dist.get_rank(), dist.get_world_size()
    stop = torch.zeros(1)
    signal.signal(signal.SIGTERM, lambda *_: stop.fill_(1))

    # Rank and world are those of Slurm. Every rank has as many rows, so all make as many steps.
    data = guichet.torch.IterableDataset(
        guichet.connect(), os.environ["AGREEMENT"], columns=list(dict.fromkeys([*FEATURES, TARGET])), seed=7, batch_size=BATCH, drop_last=True
    )
    model = torch.nn.Linear(len(FEATURES), 1)
    with torch.no_grad():
        model.weight.zero_(), model.bias.zero_()
    optimizer = torch.optim.SGD(model.parameters(), lr=float(os.environ.get("LEARNING_RATE", "0.01")))
    step = rows = 0
    file = pathlib.Path(os.environ.get("CHECKPOINT", "checkpoint")) / "last.pt"
    if file.exists():
        last = torch.load(file, weights_only=True)
        model.load_state_dict(last["model"])
        optimizer.load_state_dict(last["optimizer"])
        data.load_state_dict(last["data"])
        step, rows = last["step"], last["rows"]
        if rank == 0:
            print(f"goes on after step {step}, {rows} rows", flush=True)

    def save() -> None:
        states = [None] * world
        dist.all_gather_object(states, data.state_dict())
        if rank == 0:  # whole or not at all
            file.parent.mkdir(parents=True, exist_ok=True)
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "data": states, "step": step, "rows": rows}
            torch.save(state, file.with_suffix(".part"))
            os.replace(file.with_suffix(".part"), file)
            print(f"saved after step {step}, {rows} rows", flush=True)
        dist.barrier()

    loss = torch.zeros(())
    for batch in data:
        x = torch.stack([batch[name].float() for name in FEATURES], 1)
        loss = (model(x).squeeze(1) - batch[TARGET].float()).square().mean()
        optimizer.zero_grad()
        loss.backward()
        for p in model.parameters():
            dist.all_reduce(p.grad)
            p.grad /= world
        optimizer.step()
        step, rows = step + 1, rows + BATCH * world
        if rank == 0 and step % 100 == 0:
            print(f"step {step}, {rows} rows, loss {loss.item():.4g}", flush=True)
        told = stop.clone()
        dist.all_reduce(told)  # so that all end after the same step
        if told.item() > 0 or step % SAVE_EVERY == 0:
            save()
        if told.item() > 0:
            return
    if rank == 0:
        print(f"done after step {step}, {rows} rows, loss {loss.item():.4g}", flush=True)


if __name__ == "__main__":
    main()
    dist.destroy_process_group()  # its threads would end the process with an abort, now and then

"""What guichet.ray promises, on a Ray cluster of two nodes of this machine, against a running gateway:
ray_kit.py FOLDER, with GUICHET_SERVER, GUICHET_TOKEN_FILE, PROVIDER_TOKEN_FILE, AGREEMENT, RUN, ROWS
(of the agreement, whose column n counts from 0, with a budget of rows) and DATASET (the provider's,
without a version) set. FOLDER is empty and its name short: sockets are in it."""

import os
import signal
import sys
import time

import ray
from ray.cluster_utils import Cluster

import guichet
import guichet.ray

AGREEMENT, ROWS, RUN = os.environ["AGREEMENT"], int(os.environ["ROWS"]), os.environ["RUN"]


def used(site):
    """Rows that the budget was charged."""
    return site.get(f"/agreements/{AGREEMENT}")["rows_used"]


def whole(site):
    """Rows are those of the stream, each once; schema and count cost nothing."""
    data = guichet.ray.read(site, AGREEMENT, parts=4, run=RUN)
    assert data.schema().names == ["n", "word"] and data.count() == ROWS
    assert used(site) == 0, used(site)
    assert sorted(r["n"] for r in data.take_all()) == list(range(ROWS))
    assert used(site) == ROWS, used(site)
    nodes = {ray.get(n.node_id.remote()) for n in [Where.options(scheduling_strategy="SPREAD").remote() for _ in range(2)]}
    assert len(nodes) == 2, nodes


@ray.remote(num_cpus=1)
class Where:
    def node_id(self):
        return ray.get_runtime_context().get_node_id()


def dies_once(folder):
    """A function of a batch that kills its worker with kill -9, the first time that it sees row 70,000."""

    def see(batch):
        mark = os.path.join(folder, "died")
        if (batch["n"] == 70_000).any() and not os.path.exists(mark):
            open(mark, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    return see


def killed(site, folder):
    """A worker that is killed in the middle of its part reads it again: the same rows, paid once."""
    data = guichet.ray.read(site, AGREEMENT, parts=2, run=RUN, seed=3)
    before = used(site)
    got = data.map_batches(dies_once(folder), batch_size=4096).to_pandas()
    assert os.path.exists(os.path.join(folder, "died")), "no worker was killed"
    assert sorted(got["n"]) == list(range(ROWS))
    assert used(site) - before == ROWS, f"{used(site) - before} rows are paid for {ROWS}"


def parts(site):
    """Each task's rows are those of the rank, and what a read with other options gives."""
    for seed in (None, 3):
        blocks = guichet.ray.GuichetDatasource(site, AGREEMENT, seed=seed, run=RUN, columns=["n"]).get_read_tasks(3)
        for rank, task in enumerate(blocks):
            rows = [n for block in task() for n in block.column("n").to_pylist()]
            stream = site.dataset(AGREEMENT, seed=seed, run=RUN, columns=["n"], rank=rank, world=3, even="none")
            assert rows == [n for b in stream for n in b.column("n").to_pylist()] and len(rows) == task.metadata.num_rows, (seed, rank)
            blocks_again = [b.num_rows for b in task()]
            assert blocks_again == [b.num_rows for b in task()], "a task that runs again gives other blocks"


def refused(site):
    """A refusal reaches the program in the gateway's words."""
    for call, word in (
        (lambda: guichet.ray.read(site, AGREEMENT, columns=["no-such"]), "no-such"),
        (lambda: guichet.ray.read(site, AGREEMENT, rank=0, world=2), "no option here"),
    ):
        try:
            call()
        except guichet.GuichetError as e:
            assert word in str(e), e
        else:
            raise AssertionError(f"{word} is taken")
    data = guichet.ray.read(site, AGREEMENT, parts=2, run=RUN)
    with open(os.environ["PROVIDER_TOKEN_FILE"], encoding="utf-8") as f:
        guichet.connect(token=f.read()).post(f"/agreements/{AGREEMENT}/revoke", {"reason": "the consent was withdrawn"})
    try:
        data.take_all()
    except Exception as e:
        assert "the consent was withdrawn" in str(e), e
    else:
        raise AssertionError("it is read after the end")


def written(site):
    """What Ray makes comes back as a version of a dataset, through the gateway."""
    with open(os.environ["PROVIDER_TOKEN_FILE"], encoding="utf-8") as f:
        provider = guichet.connect(token=f.read())
    made = guichet.ray.read(site, AGREEMENT, parts=2, run=RUN, columns=["n"]).map_batches(lambda b: {"n": b["n"], "half": b["n"] / 2})
    answer = guichet.ray.write(made, provider, os.environ["DATASET"], version="halves", table="halves")
    assert answer["version"] == "halves", answer
    for _ in range(600):
        answer = provider.get(f"/datasets/{os.environ['DATASET']}/versions/halves")
        if answer["state"] != "publishing":
            break
        time.sleep(0.1)
    assert answer["state"] == "published" and answer["rows"] == ROWS, answer


def main(folder):
    os.makedirs(os.path.join(folder, "ray"))
    small = {"num_cpus": 1, "object_store_memory": 150_000_000, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={**small, "temp_dir": os.path.join(folder, "ray")})
    cluster.add_node(**{k: v for k, v in small.items() if k != "include_dashboard"})
    ray.init(address=cluster.address, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    site = guichet.connect()
    for what in (whole, parts, lambda s: killed(s, folder), written, refused):
        what(site)
        print("ok", what.__name__, flush=True)
    ray.shutdown()
    cluster.shutdown()
    print("ok all", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

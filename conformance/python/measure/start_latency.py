"""How long an idle runner of the official SDK takes to start a task: from the answer to SubmitJob to its first line.

Runners run for ever in processes of their own, and ask for work when the server told them to (R-20, R-21). Jobs have one
task each.

active: one runner; a job is submitted at a random moment 20 to 200 ms after the task before it has started.
quiet:  some runners, each alone on a cluster on which nothing has happened for more than the minute after which the
        server counts it as quiet; in turn they get one job. They are several only to have more starts in less time.

    cargo build --release --bin boxwood
    cd conformance/python && "$(sh venv.sh)" -m measure.start_latency
"""

import argparse
import atexit
import random
import shutil
import socket
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from harness.runners import RunnerProcess
from harness.server import Server
from measure.started import Started
from tilebox.workflows import Client
from tilebox.workflows.data import Cluster

# A runner loads the SDK before it asks for work; the first tasks of its process find nothing warm.
FIRST_START_SECONDS_MAX = 60
WARM_UP_STARTS = 10

# An idle runner asks every 10 s at the latest.
START_SECONDS_MAX = 30

ACTIVE_SPACING_SECONDS = (0.02, 0.2)

# The server counts a cluster as quiet after 60 s; the spacing keeps one start out of the way of the next.
QUIET_SECONDS = 62
QUIET_SPACING_SECONDS = (0.3, 0.7)


class Starts:
    """Submits jobs of one task, and hears when it starts."""

    def __init__(self, client: Client, folder: Path) -> None:
        self._client = client
        self._address = str(folder / "started")
        self._inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._inbox.bind(self._address)
        self._number = 0

    def close(self) -> None:
        self._inbox.close()

    def one(self, cluster: Cluster, seconds_max: float = START_SECONDS_MAX) -> tuple[float, float]:
        """Submit a job, wait for its start. The milliseconds since the answer came, and since the call was begun.

        Raises:
            TimeoutError: If the task does not start within `seconds_max`.
        """
        self._number += 1
        task = Started(self._number, self._address)
        called_ns = time.monotonic_ns()
        self._client.jobs().submit("start latency", task, cluster=cluster)
        answered_ns = time.monotonic_ns()
        self._inbox.settimeout(seconds_max)
        number, started_ns = map(int, self._inbox.recv(64).split())
        # A task that was executed twice would tell twice.
        assert number == self._number, f"task {number} started, expected {self._number}"
        return (started_ns - answered_ns) / 1e6, (started_ns - called_ns) / 1e6


def active(starts: Starts, cluster: Cluster, count: int) -> list[tuple[float, float]]:
    """Starts on a cluster on which tasks come one after another."""
    measured = []
    for _ in range(count):
        time.sleep(random.uniform(*ACTIVE_SPACING_SECONDS))  # tidy: waits as users do between two jobs
        measured.append(starts.one(cluster))
    return measured


def quiet(starts: Starts, clusters: list[Cluster], rounds: int) -> list[tuple[float, float]]:
    """Starts on clusters on which nothing has happened for a minute."""
    measured = []
    last = {}
    for cluster in clusters:
        starts.one(cluster, FIRST_START_SECONDS_MAX)
        last[cluster.slug] = time.monotonic()
    for _ in range(rounds):
        for cluster in clusters:
            rest = max(0, last[cluster.slug] + QUIET_SECONDS - time.monotonic())
            time.sleep(rest + random.uniform(*QUIET_SPACING_SECONDS))  # tidy: waits until the cluster counts as quiet
            measured.append(starts.one(cluster))
            last[cluster.slug] = time.monotonic()
    return measured


def show(name: str, measured: list[tuple[float, float]]) -> None:
    if not measured:
        return
    for since, times in zip(("the answer", "the call"), zip(*measured, strict=True), strict=True):
        ordered = sorted(times)
        p99 = ordered[int(len(ordered) * 0.99)]
        print(
            f"{name:<7} {len(ordered):>5} starts, ms since {since:<10}  median {statistics.median(ordered):7.1f}"
            f"  p99 {p99:7.1f}  max {ordered[-1]:7.1f}",
            flush=True,
        )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--url", help="a running server; by default one is started, see BOXWOOD_BIN")
    arguments.add_argument("--transport", default="grpc", choices=["grpc", "http1"])
    arguments.add_argument("--active", type=int, default=500, help="starts on an active cluster")
    arguments.add_argument("--quiet-runners", type=int, default=8, help="quiet clusters with one runner each")
    arguments.add_argument("--quiet-rounds", type=int, default=2, help="starts on each of them, a minute apart")
    chosen = arguments.parse_args()

    with ExitStack() as ends:
        folder = Path(tempfile.mkdtemp())
        # What is registered first is done last: at its end the client still sends the server its spans.
        atexit.register(shutil.rmtree, folder)
        url = chosen.url
        if url is None:
            server = Server(folder / "data", arguments=["--log", "warn"])
            atexit.register(server.stop)
            url = server.url
        client = Client(url=url, transport=chosen.transport)
        starts = Starts(client, folder)
        ends.callback(starts.close)

        def runner() -> Cluster:
            cluster = client.clusters().create("start latency")
            log = folder / f"{cluster.slug}.log"
            process = RunnerProcess(url, chosen.transport, cluster, [Started], log=log)
            ends.callback(process.dispose)
            return cluster

        if chosen.active:
            cluster = runner()
            starts.one(cluster, FIRST_START_SECONDS_MAX)
            active(starts, cluster, WARM_UP_STARTS)
            show("active", active(starts, cluster, chosen.active))
        if chosen.quiet_runners and chosen.quiet_rounds:
            clusters = [runner() for _ in range(chosen.quiet_runners)]
            show("quiet", quiet(starts, clusters, chosen.quiet_rounds))


if __name__ == "__main__":
    main()

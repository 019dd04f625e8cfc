"""A server that ends and comes back with the same data directory (design: durability; S-42, N-17)."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from _tilebox.grpc.error import InternalServerError, NetworkError
from tilebox.workflows import Client
from tilebox.workflows.data import JobState, TaskState

from harness.runners import run_all
from harness.server import Server, ServerError
from harness.waiting import wait_until_reachable
from harness.wire import Group, HandRunner, Wire, submit
from workflows.first_steps import ChildTask, ParentTask


def test_restart_keeps_everything(start_server: Callable[..., Server], transport: str, tmp_path: Path) -> None:
    """After SIGTERM and a new start: jobs, tasks, clusters and the default slug are there, and jobs go on."""
    server = start_server(tmp_path / "data")
    client, wire = Client(url=server.url, transport=transport), Wire(server.url, transport)
    cluster = client.clusters().create("kept", "text")
    default = client.clusters().find("")
    finished = client.jobs().submit("finished", ParentTask(2), cluster=cluster)
    run_all(client, cluster, [ParentTask, ChildTask])
    halfway = client.jobs().submit("halfway", ParentTask(3), cluster=cluster)
    run_all(client, cluster, [ParentTask])
    waiting = client.jobs().submit("waiting", ParentTask(1), cluster=cluster)
    before = [client.jobs().find(job) for job in (finished, halfway, waiting)]

    server.stop()
    start_server(tmp_path / "data", listen=server.listen)
    wait_until_reachable(client)
    assert [client.jobs().find(job) for job in (finished, halfway, waiting)] == before
    assert [job.state for job in before] == [JobState.COMPLETED, JobState.STARTED, JobState.SUBMITTED]
    assert client.clusters().find(cluster) == cluster
    assert client.clusters().find("") == default
    run_all(client, cluster, [ParentTask, ChildTask])
    assert client.jobs().find(halfway).state == JobState.COMPLETED
    assert client.jobs().find(waiting).state == JobState.COMPLETED
    assert [child.input for child in wire.tree(halfway).root.children] == [b"0", b"1", b"2"]


@pytest.mark.parametrize("end", [Server.stop, Server.kill], ids=["SIGTERM", "SIGKILL"])
def test_s_42_runner_outlives_the_server(
    start_server: Callable[..., Server], transport: str, tmp_path: Path, end: Callable[[Server], None]
) -> None:
    """S-42: a task that was running before is not handed out again at once, and its report is taken afterwards."""
    server = start_server(tmp_path / "data")
    client, wire = Client(url=server.url, transport=transport), Wire(server.url, transport)
    slug = client.clusters().find("").slug
    job = submit(wire, slug, "outlives", Group([b""]))
    runner, other = HandRunner(wire, slug, "Leaf"), HandRunner(wire, slug, "Leaf")
    task = runner.must_ask()

    end(server)
    start_server(tmp_path / "data", listen=server.listen)
    wait_until_reachable(client)
    id = UUID(bytes=job.id.uuid)
    assert client.jobs().find(id).state == JobState.RUNNING
    assert other.ask() is None
    child = runner.computed(task, Group([b"child"]))
    assert child is not None
    assert child.input == b"child"
    runner.computed(child, ask=False)
    assert client.jobs().find(id).state == JobState.COMPLETED


def test_sigkill_loses_nothing_acknowledged(
    start_server: Callable[..., Server], transport: str, tmp_path: Path
) -> None:
    """An answer means: stored. Jobs and reports acknowledged up to the kill are all there afterwards."""
    server = start_server(tmp_path / "data")
    client, wire = Client(url=server.url, transport=transport), Wire(server.url, transport)
    slug = client.clusters().find("").slug
    jobs: list[UUID] = []
    computed: list[UUID] = []
    enough = threading.Event()

    def submit_and_compute() -> None:
        """Submits jobs and computes some of their tasks until the server is gone."""
        runner = HandRunner(wire, slug, "Leaf")
        try:
            while True:
                job = submit(wire, slug, f"job {len(jobs)}", Group([b""]))
                jobs.append(UUID(bytes=job.id.uuid))
                if len(jobs) % 2:
                    task = runner.must_ask()
                    runner.computed(task, Group([b"1", b"2"], name="Other"), ask=False)
                    computed.append(UUID(bytes=task.job.id.uuid))
                if len(jobs) == 100:
                    enough.set()
        except (NetworkError, InternalServerError):
            enough.set()  # the kill; whether it shows as one or the other depends on the moment

    worker = threading.Thread(target=submit_and_compute)
    worker.start()
    assert enough.wait(60)
    server.kill()
    worker.join(30)
    assert len(jobs) >= 100

    start_server(tmp_path / "data", listen=server.listen)
    wait_until_reachable(client)
    found = {job.id: job for job in client.jobs().query()}
    assert set(jobs) <= set(found)
    assert len(found) <= len(jobs) + 1, "at most the job whose answer was lost is there besides"
    for id in computed:
        assert found[id].execution_stats.tasks_by_state == {TaskState.QUEUED: 2, TaskState.COMPUTED: 1}


@pytest.mark.skipif("BOXWOOD_TEST_POSTGRES" in os.environ, reason="a database is shared by any number of servers")
def test_data_directory_in_use(start_server: Callable[..., Server], tmp_path: Path) -> None:
    """Design, durability: a second server on one directory refuses to start and says why; the first goes on."""
    server = start_server(tmp_path / "data")
    with pytest.raises(ServerError, match="data"):
        start_server(tmp_path / "data")
    assert Client(url=server.url).clusters().find("").display_name == "Default"
    server.stop()

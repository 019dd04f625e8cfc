"""Leases that run out and leases that are renewed (R-30 to R-35, S-40, S-41), with runners in processes of their own.

Both transports go through the whole story at the same time, so that a real lease is waited for only once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from tilebox.workflows import Client, Job
from tilebox.workflows.data import Cluster, JobState, TaskState

from harness.rendezvous import Rendezvous
from harness.runners import RunnerProcess, run_all
from harness.server import Server
from harness.waiting import wait_until
from harness.wire import Wire
from workflows.meeting import Hold, HoldOther, Mark

LEASE_SECONDS = 15
EXPIRY_SECONDS_MAX = LEASE_SECONDS + 5


@dataclass
class Story:
    """A long task whose runner lives, and a task whose runner is gone."""

    client: Client
    wire: Wire
    cluster: Cluster
    long_job: Job
    long_gate: str
    lost_job: Job
    lost_gate: str


@pytest.fixture(scope="module")
def stories(
    server: Server, rendezvous: Rendezvous, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Story]]:
    """For each transport: both tasks are handed out, then one of the two runners crashes."""
    logs = tmp_path_factory.mktemp("leases")
    processes: list[RunnerProcess] = []
    told = {}
    for transport in ("grpc", "http1"):
        client, wire = Client(url=server.url, transport=transport), Wire(server.url, transport)
        cluster = client.clusters().create(f"leases {transport}")

        long, lost = Hold(f"long {cluster.slug}"), HoldOther(f"lost {cluster.slug}")
        jobs = []
        for task in (long, lost):
            jobs.append(client.jobs().submit("lease", task, cluster=cluster))
            log = logs / f"{transport} {type(task).__name__}.log"
            processes.append(RunnerProcess(server.url, transport, cluster, [type(task)], log=log))
            rendezvous.wait_for(f"{task.gate} started")
        processes[-1].crash()
        told[transport] = Story(client, wire, cluster, jobs[0], long.gate, jobs[1], lost.gate)
    yield told
    for process in processes:
        process.dispose()


@pytest.fixture
def story(stories: dict[str, Story], transport: str) -> Story:
    return stories[transport]


@pytest.mark.slow
def test_r_34_and_r_35_renewed_and_lost_leases(story: Story, rendezvous: Rendezvous) -> None:
    """R-9, R-34, R-35, S-30, S-40, S-41: the lost task is queued again when its lease ends, unasked.

    The long task was handed out before the lost one, so its first lease has ended as well by then: only the renewals by
    the SDK's own process keep it with its runner.
    """

    def state_of(job: Job) -> TaskState:
        return story.wire.tree(job).root.state

    assert state_of(story.lost_job) in (TaskState.RUNNING, TaskState.QUEUED)
    wait_until(lambda: state_of(story.lost_job) == TaskState.QUEUED, timeout=EXPIRY_SECONDS_MAX + 2, interval=0.2)
    assert state_of(story.long_job) == TaskState.RUNNING

    rendezvous.open(story.lost_gate)
    run_all(story.client, story.cluster, [Hold, HoldOther])
    assert rendezvous.arrivals(f"{story.lost_gate} started") == 2
    assert story.client.jobs().find(story.lost_job).state == JobState.COMPLETED
    assert story.wire.tree(story.lost_job).root.summary.retry_count == 1

    assert state_of(story.long_job) == TaskState.RUNNING
    assert rendezvous.arrivals(f"{story.long_gate} started") == 1
    rendezvous.open(story.long_gate)
    wait_until(lambda: state_of(story.long_job) == TaskState.COMPUTED)
    assert story.wire.tree(story.long_job).root.summary.retry_count == 0


def test_r_63_graceful_hand_back(
    client: Client,
    wire: Wire,
    cluster: Cluster,
    rendezvous: Rendezvous,
    start_runner: Callable[..., RunnerProcess],
    unique: str,
) -> None:
    """R-63, R-65, S-31: on SIGTERM the SDK hands its task back after two seconds; no retry and no lease is spent."""
    job = client.jobs().submit("hand back", Hold(unique), cluster=cluster)
    process = start_runner(cluster, [Hold])
    rendezvous.wait_for(f"{unique} started")
    process.terminate()

    root = wire.tree(job).root
    assert root.state == TaskState.QUEUED
    assert root.summary.retry_count == 0
    assert "RunnerShutdown" in root.display
    assert client.jobs().find(job).state == JobState.RUNNING

    rendezvous.open(unique)
    run_all(client, cluster, [Hold])
    assert client.jobs().find(job).state == JobState.COMPLETED


def test_r_63_signal_while_idle(
    client: Client,
    cluster: Cluster,
    rendezvous: Rendezvous,
    start_runner: Callable[..., RunnerProcess],
    unique: str,
) -> None:
    """R-23, R-24, R-63: a runner that waits for work runs what comes, and ends at once on SIGTERM."""
    client.jobs().submit("first", Mark(f"{unique} first"), cluster=cluster)
    process = start_runner(cluster, [Mark])
    rendezvous.wait_for(f"{unique} first")
    job = client.jobs().submit("second", Mark(f"{unique} second"), cluster=cluster)
    rendezvous.wait_for(f"{unique} second")
    wait_until(lambda: client.jobs().find(job).state == JobState.COMPLETED)
    process.terminate()
